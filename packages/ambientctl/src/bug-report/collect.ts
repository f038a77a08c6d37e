// What a report is made of, part by part: versions, objects, what proxies and control planes say and log, and what our own checks find.
// Yields files as they are read; a part that cannot be had costs a line in `failures.txt`, nothing else. Written down by archive.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Kind, keyText } from '@ambient-mesh/kube/kind';
import { LineSplitter } from '@ambient-mesh/kube/lines';
import { describeError } from '@ambient-mesh/runtime/errors';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { askAdmin } from '../admin-page.ts';
import { networkPolicyKind } from '../analyze/other-kinds.ts';
import { labelOf, type MeshPod, type PodSelection, runningPods } from '../pods.ts';
import { redactedObject, redactedText } from './redact.ts';
import type { TarFile } from './tar.ts';

export interface CollectPorts {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Lines of each log. */
  readonly lines: string;
  /** Our own version. */
  readonly version: string;
  /** What another command would print. */
  readonly typed: (...words: readonly string[]) => Promise<string>;
  readonly signal: AbortSignal;
}

interface Program {
  readonly name: string;
  readonly select: PodSelection;
  /** Port and path, by the name of the file. */
  readonly pages: Readonly<Record<string, readonly [port: number, path: string]>>;
}

const metrics = (port: number): readonly [number, string] => [port, '/metrics'];
const programsIn = (namespace: string): readonly Program[] => [
  {
    name: 'istiod',
    select: { namespace, labelSelector: labelOf.controlPlane },
    pages: {
      'clients.json': [15_000, '/debug/clients'],
      'index.json': [15_000, '/debug/index'],
      'unenforced.json': [15_000, '/debug/unenforced'],
      'problems.json': [15_000, '/debug/problems'],
      'authority.json': [15_000, '/debug/authority'],
      'metrics.txt': metrics(15_014),
    },
  },
  {
    name: 'ztunnel',
    select: { namespace, labelSelector: labelOf.ztunnel },
    pages: { 'config_dump.json': [15_000, '/config_dump'], 'metrics.txt': metrics(15_020) },
  },
  { name: 'cni-agent', select: { namespace, labelSelector: labelOf.nodeAgent }, pages: {} },
  {
    name: 'waypoint',
    select: { labelSelector: labelOf.waypoint },
    pages: { 'config_dump.json': [15_000, '/config_dump'], 'metrics.txt': metrics(15_020) },
  },
];

const raw = { narrow: (object: unknown): unknown => object };
const workloadKind = (plural: string, kind: string): Kind<unknown> => ({
  group: 'apps',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
  ...raw,
});
const eventKind: Kind<unknown> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true, ...raw };
/** In all namespaces, and in that of the mesh. */
const kinds: readonly Kind<unknown>[] = [...Object.values(allKinds), networkPolicyKind];
const ownKinds = [workloadKind('deployments', 'Deployment'), workloadKind('daemonsets', 'DaemonSet'), eventKind];

const commands = [['check'], ['analyze', '-A'], ['proxy-status']] as const;
const longestLineBytes = 1 << 20;

/** Reads the server's version first: @throws what keeps us from the cluster as a whole */
export async function* collect(ports: CollectPorts): AsyncGenerator<TarFile> {
  const { client, namespace, signal, version, typed } = ports;
  const failures: string[] = [];
  const server = await client.request({ verb: 'get', about: 'the version', method: 'GET', path: '/version' }, { signal });
  yield json('versions.json', { ambientctl: version, node: process.version, kubernetes: server });
  for (const kind of kinds) yield* objects(ports, kind, '', failures);
  for (const kind of ownKinds) yield* objects(ports, kind, namespace, failures);
  for (const program of programsIn(namespace)) {
    const pods = await attempt(`pods of ${program.name}`, failures, signal, () => runningPods(client, program.select, signal));
    for (const pod of pods ?? []) yield* programFiles(ports, program, pod, failures);
  }
  for (const words of commands) yield file(`checks/${words[0]}.txt`, await typed(...words));
  if (failures.length > 0) yield file('failures.txt', `${failures.join('\n')}\n`);
}

async function* objects(
  { client, signal }: CollectPorts,
  kind: Kind<unknown>,
  namespace: string,
  failures: string[],
): AsyncGenerator<TarFile> {
  const name = `objects/${kind.group === '' ? 'core' : kind.group}/${kind.plural}.json`;
  const found = await attempt(name, failures, signal, () => client.list({ ...kind, ...raw }, { namespace }, { signal }));
  if (found !== undefined && found.items.length > 0) yield json(name, found.items.map(redactedObject));
}

async function* programFiles(
  { client, lines, signal }: CollectPorts,
  { name, pages }: Program,
  pod: MeshPod,
  failures: string[],
): AsyncGenerator<TarFile> {
  const folder = `${name}/${pod.namespace}/${pod.name}`;
  for (const [page, [port, path]] of Object.entries(pages)) {
    const text = await attempt(`${folder}/${page}`, failures, signal, () => askAdmin(client, pod, { port, method: 'GET', path }, signal));
    if (text !== undefined) yield file(`${folder}/${page}`, text);
  }
  const log = await attempt(`${folder}/log.txt`, failures, signal, () => logOf(client, pod, lines, signal));
  if (log !== undefined) yield file(`${folder}/log.txt`, log);
}

/** A line that is too long costs the rest. */
async function logOf(client: KubeClient, pod: MeshPod, tailLines: string, signal: AbortSignal): Promise<string> {
  const splitter = new LineSplitter(`the log of ${keyText(pod)}`, longestLineBytes);
  const lines: string[] = [];
  for await (const chunk of await client.podLog(pod, { tailLines }, signal)) lines.push(...splitter.push(chunk));
  return lines.map((line) => `${line}\n`).join('');
}

/** What the cluster does not have (404) is no failure. */
async function attempt<T>(what: string, failures: string[], signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (e) {
    signal.throwIfAborted();
    if (statusOf(e) !== 404) failures.push(`${what}: ${describeError(e)}`);
    return undefined;
  }
}

const file = (name: string, text: string): TarFile => ({ name, content: Buffer.from(redactedText(text)) });
const json = (name: string, value: unknown): TarFile => ({ name, content: Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`) });
