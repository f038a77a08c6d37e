// Builds the Dockerfiles of this repository without Docker, for tests: each stage is a folder, COPY copies, RUN is carried out by whoever knows the command.
// Understands what our files use and refuses everything else, so that none of them says what is not tested.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, relative } from 'node:path';

export interface Image {
  /** Where the last stage lies. */
  readonly root: string;
  readonly user: string;
  /** ENTRYPOINT and CMD. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly from: readonly string[];
}

/** Carries out a RUN. @param inside turns a path of the image into one of this machine */
export type Runner = (command: string, workingFolder: string, inside: (path: string) => string) => void;

interface Stage {
  readonly root: string;
  workingFolder: string;
}

interface Build {
  readonly context: string;
  readonly isIgnored: (path: string) => boolean;
  readonly stages: Map<string, Stage>;
}

/** @param folder for the stages; empty @param context the folder that `docker build` is given */
export function buildImage(dockerfile: string, context: string, folder: string, run: Runner): Image {
  const build: Build = { context, isIgnored: ignoredBy(join(context, '.dockerignore')), stages: new Map() };
  const said = new Map<string, string>();
  const from: string[] = [];
  let stage: Stage = { root: folder, workingFolder: '/' };
  const inside = (path: string): string => join(stage.root, path);
  for (const line of instructionsIn(readFileSync(dockerfile, 'utf8'))) {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') {
      const [image = '', , name = `${from.length}`] = rest.split(' ');
      from.push(image);
      stage = { root: join(folder, name), workingFolder: '/' };
      build.stages.set(name, stage);
      mkdirSync(stage.root, { recursive: true });
    } else if (instruction === 'WORKDIR') {
      stage.workingFolder = rest;
      mkdirSync(inside(rest), { recursive: true });
    } else if (instruction === 'COPY') copy(build, stage, rest.split(' '));
    else if (instruction === 'RUN') run(rest, inside(stage.workingFolder), inside);
    else if (['ENV', 'LABEL', 'USER', 'ENTRYPOINT', 'CMD'].includes(instruction)) said.set(instruction, rest);
    else throw new Error(`not understood: ${line}`);
  }
  const listed = (instruction: string): string[] => JSON.parse(said.get(instruction) ?? '[]');
  return { root: stage.root, user: said.get('USER') ?? '', entrypoint: listed('ENTRYPOINT'), command: listed('CMD'), from };
}

const instructionsIn = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

function copy({ context, isIgnored, stages }: Build, stage: Stage, words: readonly string[]): void {
  const [first = ''] = words;
  const from = first.startsWith('--from=') ? stages.get(first.slice(7)) : undefined;
  const paths = first.startsWith('--') ? words.slice(1) : words;
  if (first.startsWith('--') && from === undefined) throw new Error(`COPY ${words.join(' ')}: there is no such stage`);
  const target = paths.at(-1) ?? '';
  const to = target.startsWith('/') ? join(stage.root, target) : join(stage.root, stage.workingFolder, target);
  for (const source of paths.slice(0, -1)) {
    const path = join(from?.root ?? context, source);
    if (!existsSync(path) || (from === undefined && isIgnored(source))) throw new Error(`COPY ${source}: it is not in the context`);
    const place = target.endsWith('/') ? join(to, basename(source)) : to;
    mkdirSync(dirname(place), { recursive: true });
    // Moved: it is large, and nothing is copied out of a stage twice.
    if (from !== undefined) renameSync(path, place);
    else cpSync(path, place, { recursive: true, verbatimSymlinks: true, filter: (each) => !isIgnored(relative(context, each)) });
  }
}

/** The last pattern that fits decides, and one that fits a folder fits all below it. */
function ignoredBy(file: string): (path: string) => boolean {
  const patterns = instructionsIn(readFileSync(file, 'utf8'));
  const fits = (path: string, pattern: string): boolean => {
    for (let each = path; each !== '.'; each = dirname(each)) if (matchesGlob(each, pattern)) return true;
    return false;
  };
  return (path) => {
    const last = patterns.findLast((pattern) => fits(path, pattern.replace(/^!/, '')));
    return last !== undefined && !last.startsWith('!');
  };
}
