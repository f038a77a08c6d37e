// `ambientctl tail`: the access log of the whole mesh as it is written, from every ztunnel and waypoint, filtered by who and by how it went.
// Reads logs through the API server; what lines mean is access-log/. A proxy that comes later is followed too.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { keyText } from '@ambient-mesh/kube/kind';
import { LineSplitter } from '@ambient-mesh/kube/lines';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { type AccessRecord, isWanted, type Wish } from '../access-log/record.ts';
import { recordText } from '../access-log/text.ts';
import { type Names, parseWaypointLine } from '../access-log/waypoint-line.ts';
import { parseZtunnelLine } from '../access-log/ztunnel-line.ts';
import { openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { isColourful } from '../output.ts';
import { labelOf, type MeshPod, meshNamespaceOption, namesByAddress, runningPods } from '../pods.ts';
import { type Globals, type Shell, warn } from '../shell.ts';

interface Options extends Globals, Omit<Wish, 'namespace'> {
  readonly istioNamespace: string;
  readonly lines: string;
  readonly follow: boolean;
  readonly raw: boolean;
}

const lookEvery = ms(5_000);
const longestLineBytes = 1 << 20;

export function addTail(program: Command, shell: Shell): void {
  program
    .command('tail')
    .description("shows the mesh's access log as it is written; with -n, what concerns a namespace")
    .option('--workload <name>', 'what concerns this pod or Deployment, or service; as name or name.namespace')
    .option('--peer <name>', '... and this one at the other end')
    .option('--denied', 'only what was denied')
    .option('--lines <count>', "lines from before, of each proxy's log", readCount, '0')
    .option('--no-follow', 'end instead of waiting for more (with --lines)')
    .option('--raw', "each proxy's own words", false)
    .addOption(meshNamespaceOption())
    .action((_, command: Command) => tail(shell, command.optsWithGlobals<Options>()));
}

function readCount(text: string): string {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is no number of lines.');
  return text;
}

async function tail(shell: Shell, options: Options): Promise<void> {
  await using cluster = await openCluster(shell, options);
  const tailing = new Tailing(shell, cluster.client, options);
  await tailing.look();
  if (tailing.size === 0) throw failure(`no ztunnel runs in namespace ${options.istioNamespace}: is the mesh installed there?`);
  if (!options.follow) return await tailing.finish();
  for (;;) {
    await shell.clock.sleep(lookEvery, AbortSignal.any([shell.signal, tailing.broken]));
    await tailing.look().catch((e: unknown) => {
      shell.signal.throwIfAborted();
      warn(shell, `new proxies cannot be looked for: ${describeError(e)}`);
    });
  }
}

type Source = MeshPod & { readonly isWaypoint: boolean };

class Tailing {
  readonly #shell: Shell;
  readonly #client: KubeClient;
  readonly #options: Options;
  readonly #reading = new Map<string, Promise<void>>();
  /** When they do not follow: what was read, to be put in order. */
  readonly #read: { readonly time: string; readonly text: string }[] = [];
  /** Proxies that were there at the beginning, or have been read before: of these only what is new is wanted. */
  readonly #known = new Set<string>();
  readonly #broken = new AbortController();
  #names: Names = new Map();
  #isFirst = true;

  constructor(shell: Shell, client: KubeClient, options: Options) {
    this.#shell = shell;
    this.#client = client;
    this.#options = options;
  }

  get size(): number {
    return this.#reading.size;
  }

  /** Aborts with what keeps us from reading at all. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /** Begins with proxies that are not being read yet. */
  async look(): Promise<void> {
    const { signal } = this.#shell;
    const namespace = this.#options.istioNamespace;
    const [ztunnels, waypoints] = await Promise.all([
      runningPods(this.#client, { namespace, labelSelector: labelOf.ztunnel }, signal),
      runningPods(this.#client, { labelSelector: labelOf.waypoint }, signal),
    ]);
    if (waypoints.length > 0) this.#names = await namesByAddress(this.#client, signal);
    const sources = [...ztunnels.map((pod) => ({ ...pod, isWaypoint: false })), ...waypoints.map((pod) => ({ ...pod, isWaypoint: true }))];
    for (const source of sources) {
      const key = keyText(source);
      if (this.#reading.has(key)) continue;
      const lines = this.#isFirst ? this.#options.lines : this.#known.has(key) ? '0' : undefined;
      this.#known.add(key);
      this.#reading.set(key, this.#readAll(source, lines));
    }
    this.#isFirst = false;
  }

  /** Waits for the ends of all logs, and prints what they held in order of time. */
  async finish(): Promise<void> {
    await Promise.all(this.#reading.values());
    this.broken.throwIfAborted();
    for (const { text } of this.#read.sort((a, b) => (a.time < b.time ? -1 : 1))) this.#shell.print(text);
  }

  /** Never rejects. */
  async #readAll(source: Source, tailLines: string | undefined): Promise<void> {
    const { follow } = this.#options;
    const signal = AbortSignal.any([this.#shell.signal, this.broken]);
    try {
      const lines = new LineSplitter(`the log of ${keyText(source)}`, longestLineBytes);
      for await (const chunk of await this.#client.podLog(source, { follow, ...(tailLines !== undefined && { tailLines }) }, signal))
        for (const line of lines.push(chunk)) this.#take(source, line);
    } catch (e) {
      if (signal.aborted) return;
      if (!follow || statusOf(e) === 403) this.#broken.abort(e);
      else warn(this.#shell, `the log of ${keyText(source)} broke off, and is tried again: ${describeError(e)}`);
    }
    if (follow) this.#reading.delete(keyText(source));
  }

  #take(source: Source, line: string): void {
    const record = source.isWaypoint ? parseWaypointLine(line, this.#names) : parseZtunnelLine(line);
    if (record === undefined || !isWanted(record, this.#options)) return;
    const text = `${this.#textOf(record, source, line)}\n`;
    if (this.#options.follow) this.#shell.print(text);
    else this.#read.push({ time: record.time, text });
  }

  #textOf(record: AccessRecord, { name, namespace }: Source, line: string): string {
    const { raw, output } = this.#options;
    if (raw) return line;
    if (output === 'json') return JSON.stringify({ by: `${namespace}/${name}`, ...record });
    if (output === 'yaml') return `---\n${stringify({ by: `${namespace}/${name}`, ...record }).trimEnd()}`;
    return recordText(record, name, isColourful(this.#shell));
  }
}
