// `ambientctl analyze [FILES…]`: what is wrong with the objects of a cluster, of files, or of both together, each with what to do about it.
// Exit code 79 when something is as bad as --failure-threshold. Only looks; what is looked for is in analyze/.
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { allAnalyzers } from '../analyze/all-analyzers.ts';
import { type AnalysisOptions, analyse, type Suppression } from '../analyze/analysis.ts';
import { assumeApplied } from '../analyze/assumed.ts';
import { codes, isCode, type Level, levels } from '../analyze/codes.ts';
import { type Finding, isAtLeast, subjectText } from '../analyze/finding.ts';
import { addFiles, liveManifest, type Manifest } from '../analyze/manifest.ts';
import { type World, worldOf } from '../analyze/world.ts';
import { type Cluster, openCluster } from '../cluster.ts';
import { found } from '../failure.ts';
import { show } from '../output.ts';
import { meshNamespaceOption } from '../pods.ts';
import type { Globals, Shell } from '../shell.ts';
import { oneLine } from '../table.ts';

interface Options extends Globals {
  readonly allNamespaces: boolean;
  readonly useKube: boolean;
  readonly recursive: boolean;
  readonly failureThreshold: Level;
  readonly outputThreshold: Level;
  readonly suppress: readonly Suppression[];
  readonly analyzer?: readonly string[];
  readonly listAnalyzers: boolean;
  readonly istioNamespace: string;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addAnalyze(program: Command, shell: Shell): void {
  program
    .command('analyze')
    .description('looks for mistakes in the cluster, in files, or in files as they would be in the cluster; changes nothing')
    .argument('[files...]', 'YAML or JSON, or folders of such')
    .option('-A, --all-namespaces', 'of all namespaces', false)
    .option('--use-kube', 'look at the cluster too', true)
    .option('--no-use-kube', 'look at the files alone, as if they were applied to an empty cluster')
    .option('-R, --recursive', 'take the folders below folders too', false)
    .option('--no-recursive', 'take only the files of a folder')
    .addOption(levelOption('--failure-threshold <level>', 'exit with code 79 when there is something this bad', 'Error'))
    .addOption(levelOption('--output-threshold <level>', 'show only what is at least this bad', 'Info'))
    .addOption(
      new Option('-S, --suppress <CODE=Kind namespace/name>', 'leave this out; * stands for anything; may be repeated')
        .argParser((text, before: readonly Suppression[]) => [...before, suppressionOf(text)])
        .default([]),
    )
    .addOption(new Option('--analyzer <name>', 'only this analyzer; may be repeated (default: all)').argParser(analyzerName))
    .option('-L, --list-analyzers', 'list the analyzers instead', false)
    .addOption(meshNamespaceOption())
    .action((files: readonly string[], _, command: Command) => run(shell, files, command.optsWithGlobals<Options>()));
}

const levelOption = (flags: string, about: string, otherwise: Level): Option => new Option(flags, about).choices(levels).default(otherwise);

function suppressionOf(text: string): Suppression {
  const [, code = '', kind = '', name = ''] = /^([^=]+)=(\S+) (\S+)$/.exec(text) ?? [];
  if (!isCode(code)) throw new InvalidArgumentError('Write it as CODE=Kind namespace/name, such as "IST0118=Service shop/cart".');
  return { code, kind, name };
}

function analyzerName(text: string, before?: readonly string[]): readonly string[] {
  if (!allAnalyzers.some(({ name }) => name === text)) throw new InvalidArgumentError('There is none of that name; -L lists them.');
  return collect(text, before);
}

async function run(shell: Shell, files: readonly string[], options: Options): Promise<void> {
  if (options.listAnalyzers) return list(shell, options);
  await using cluster = options.useKube ? await openCluster(shell, options) : undefined;
  const { world, namespaces } = await lookedAt(shell, cluster, files, options);
  const { analyzer, suppress: suppressed, outputThreshold } = options;
  const analyzers = allAnalyzers.filter(({ name }) => analyzer === undefined || analyzer.includes(name));
  const findings = analyse(world, { analyzers, namespaces, suppressed, outputThreshold });
  tell(shell, options, findings, namespaces);
  const bad = findings.filter(({ level }) => isAtLeast(level, options.failureThreshold)).length;
  if (bad > 0) throw found(`${bad} ${bad === 1 ? 'finding' : 'findings'} at level ${options.failureThreshold} or worse`);
}

interface LookedAt extends Pick<AnalysisOptions, 'namespaces'> {
  readonly world: World;
}

/** Of a cluster, one namespace is asked about unless all are; of files, all that they name. */
async function lookedAt(shell: Shell, cluster: Cluster | undefined, files: readonly string[], options: Options): Promise<LookedAt> {
  const namespace = cluster?.namespace ?? options.namespace ?? 'default';
  const written: Manifest = new Map();
  addFiles(written, files, { recursive: options.recursive, namespace });
  const live = cluster === undefined ? undefined : await liveManifest(cluster.client, shell.signal);
  // What a cluster says of a Gateway that is applied again goes on to hold.
  for (const [id, object] of written) if (live?.get(id)?.status !== undefined) written.set(id, { ...object, status: live.get(id)?.status });
  const manifest = new Map([...(live ?? []), ...assumeApplied(written, live)]);
  const world = worldOf(manifest, { isLive: live !== undefined, systemNamespace: options.istioNamespace });
  if (options.allNamespaces || live === undefined) return { world, namespaces: undefined };
  return { world, namespaces: new Set(files.length === 0 ? [namespace] : namespacesIn(written)) };
}

const namespacesIn = (manifest: Manifest): readonly string[] =>
  [...manifest.values()].map(({ metadata }) => textOf(objectOf(metadata).namespace)).filter((namespace) => namespace !== '');

function list(shell: Shell, { output }: Options): void {
  const items = allAnalyzers.map(({ name, codes, about }) => ({ name, codes, about }));
  show(shell, output, {
    columns: ['NAME', 'CODES', 'IT LOOKS WHETHER'],
    rows: items.map(({ name, codes, about }) => [name, codes.join(','), about]),
    items,
  });
}

function tell(shell: Shell, { output }: Options, findings: readonly Finding[], namespaces: ReadonlySet<string> | undefined): void {
  const items = findings.map(({ code, level, subject, message, advice }) => {
    const { kind, namespace, name } = subject;
    return { code, name: codes[code].name, level, origin: subjectText(subject), object: { kind, namespace, name }, message, advice };
  });
  if (output === 'json' || output === 'yaml') {
    show(shell, output, { columns: [], rows: [], items });
    return;
  }
  for (const { code, level, subject, message, advice } of findings)
    shell.print(`${level} [${code}] (${oneLine(subjectText(subject))}) ${oneLine(message)}\n    ${oneLine(advice)}\n`);
  const where = namespaces === undefined ? 'in all that was looked at' : `in namespace ${[...namespaces].sort().join(', ')}`;
  if (findings.length === 0) shell.print(`✔ No validation issues found ${where}.\n`);
}
