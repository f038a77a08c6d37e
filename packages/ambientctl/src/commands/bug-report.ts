// `ambientctl bug-report [FILE]`: one archive of all that somebody needs to find out what is wrong, and of nothing that is secret.
// What goes into it is bug-report/collect.ts, what stays out of it bug-report/redact.ts. The file is the owner's alone to read.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Command, InvalidArgumentError } from 'commander';
import { type CollectPorts, collect } from '../bug-report/collect.ts';
import { tarEnd, tarEntry } from '../bug-report/tar.ts';
import { openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { show } from '../output.ts';
import { meshNamespaceOption } from '../pods.ts';
import { type Globals, type Shell, warn } from '../shell.ts';
import { bytesText } from '../units.ts';

interface Options extends Globals {
  readonly istioNamespace: string;
  readonly lines: string;
}

/** How another command is typed: given by program.ts, which knows them all. */
export type Run = (argv: readonly string[], shell: Shell) => Promise<number>;

const folder = 'ambient-mesh-report';

export function addBugReport(program: Command, shell: Shell, run: Run, version: string): void {
  program
    .command('bug-report')
    .description('writes one archive of what the mesh is and does, without Secrets, keys, tokens and values of variables')
    .argument('[file]', `where to (default: ${folder}-<time>.tar.gz, here)`)
    .option('--lines <count>', "lines of each program's log", readCount, '5000')
    .addOption(meshNamespaceOption())
    .action((file: string | undefined, _, command: Command) =>
      bugReport(shell, file, command.optsWithGlobals<Options>(), { run, version }),
    );
}

function readCount(text: string): string {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It is no number of lines.');
  return text;
}

interface Ours {
  readonly run: Run;
  readonly version: string;
}

async function bugReport(shell: Shell, file: string | undefined, options: Options, { run, version }: Ours): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const { istioNamespace: namespace, lines, output } = options;
  const now = shell.clock.now();
  const path = file ?? `${folder}-${new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')}.tar.gz`;
  const typed = (...words: readonly string[]): Promise<string> => printed(shell, run, [...words, '-i', namespace, ...globalWords(options)]);
  const report = new Report({ client: cluster.client, namespace, lines, version, typed, signal: shell.signal }, now / 1_000);
  await report.writeTo(path, shell.signal);
  if (report.names.includes('failures.txt')) warn(shell, 'not everything could be read: failures.txt in the archive says what');
  const items = { file: path, files: report.names, bytes: report.bytes };
  if (output === 'json' || output === 'yaml') show(shell, output, { columns: [], rows: [], items });
  else {
    shell.print(`${path}: ${report.names.length} files, ${bytesText(report.bytes)} before compression.\n`);
    shell.print('It holds no Secrets, but names and addresses of what runs in this cluster: look through it before you hand it on.\n');
  }
}

/** Whatever the command says, on either stream, and with which exit code. */
async function printed(shell: Shell, run: Run, words: readonly string[]): Promise<string> {
  const said: string[] = [];
  const take = (text: string): void => void said.push(text);
  const code = await run(words, { ...shell, print: take, complain: take, isTerminal: false });
  return `${said.join('')}(exit code ${code})\n`;
}

function globalWords({ kubeconfig, context }: Globals): readonly string[] {
  return [...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]), ...(context === undefined ? [] : ['--context', context])];
}

class Report {
  readonly names: string[] = [];
  bytes = 0;
  readonly #ports: CollectPorts;
  readonly #at: number;

  constructor(ports: CollectPorts, at: number) {
    this.#ports = ports;
    this.#at = at;
  }

  /** A file that exists is not overwritten; one that could not be finished does not stay. */
  async writeTo(path: string, signal: AbortSignal): Promise<void> {
    const archive = this.#archive();
    // Before the file exists: a cluster that cannot be reached leaves none behind.
    const first = await archive.next();
    const rest = async function* (): AsyncGenerator<Buffer> {
      if (!first.done) yield first.value;
      yield* archive;
    };
    const out = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    try {
      await pipeline(Readable.from(rest(), { objectMode: true }), createGzip(), out, { signal });
    } catch (e) {
      if (e instanceof Error && 'code' in e && e.code === 'EEXIST') throw failure(`the file ${path} exists already`);
      await rm(path, { force: true });
      if (e instanceof Error && 'syscall' in e) throw failure(`the file ${path} cannot be written`, e);
      throw e;
    }
  }

  async *#archive(): AsyncGenerator<Buffer> {
    for await (const { name, content } of collect(this.#ports)) {
      this.names.push(name);
      this.bytes += content.length;
      yield tarEntry({ name: `${folder}/${name}`, content }, this.#at);
    }
    yield tarEnd();
  }
}
