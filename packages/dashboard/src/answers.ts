// What the API answers to a viewer who was let in: session, graph, access log, explanation. Plain data in and out.
// Called by serve.ts. Nothing about a namespace leaves here before the viewer was found to see it.
import { ms } from '@ambient-mesh/runtime/time';
import type { Viewer } from './access.ts';
import type { Measurement } from './collect.ts';
import { graphOf, type KnownWorkload, namespacesOf } from './edges.ts';
import {
  defaultWindow,
  type ExplainAnswer,
  type Graph,
  type LogAnswer,
  type LogLine,
  type NodeKind,
  type Session,
  windows,
} from './graph.ts';

/** A node that something is asked about. */
export interface AskedNode {
  readonly kind: NodeKind;
  readonly namespace: string;
  readonly name: string;
}

export interface ExplainQuestion {
  /** A pod or workload. */
  readonly from: { readonly namespace: string; readonly name: string };
  /** `host` or `host:port`. */
  readonly to: string;
  readonly method?: string;
  readonly path?: string;
}

export type Explained = ({ readonly answer: ExplainAnswer } | { readonly error: string }) & { readonly namespaces: readonly string[] };

export interface AnswerPorts {
  readonly source: Graph['source'];
  /** What happened in the window that ends now. */
  readonly measure: (window: ReturnType<typeof ms>) => Promise<Measurement>;
  /** Workloads that are there, whether anybody talks to them or not. */
  readonly known: () => Promise<readonly KnownWorkload[]>;
  /** The last lines about connections between two nodes, or about one; the newest first. Absent: nobody may read logs here. */
  readonly logs?: (from: AskedNode, to: AskedNode | undefined, limit: number) => Promise<readonly LogLine[]>;
  /** `namespaces`: those that it tells of, or that the error does. `error`: the question makes no sense. */
  readonly explain?: (question: ExplainQuestion) => Promise<Explained>;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Answer<T> = { readonly ok: T } | { readonly status: 400 | 403 | 404; readonly error: string };

const mostLines = 500;
const mostText = 1_000;

export function sessionOf({ source, version, logs, explain }: AnswerPorts, viewer: Viewer): Answer<Session> {
  return { ok: { viewer: viewer.name, source, version, features: { logs: logs !== undefined, explain: explain !== undefined } } };
}

export async function graphFor(ports: AnswerPorts, viewer: Viewer, query: URLSearchParams): Promise<Answer<Graph>> {
  const window = Number(query.get('window') ?? defaultWindow);
  if (!windows.some((each) => each === window)) return { status: 400, error: `window must be one of ${windows.join(', ')} seconds` };
  const [{ seconds, measured, waypoints, warnings }, known] = await Promise.all([ports.measure(ms(window * 1_000)), ports.known()]);
  const seen = await viewer.sees(namespacesOf(measured, known));
  const { nodes, edges } = graphOf({ measured, seconds, waypoints, known, sees: (namespace) => seen.has(namespace) });
  const head = { at: ports.now(), windowSeconds: Math.round(seconds * 10) / 10, source: ports.source, namespaces: [...seen].sort() };
  return { ok: { ...head, nodes, edges, warnings } };
}

export async function logFor(ports: AnswerPorts, viewer: Viewer, query: URLSearchParams): Promise<Answer<LogAnswer>> {
  if (ports.logs === undefined) return { status: 404, error: 'access logs cannot be read from here: use "ambientctl tail"' };
  const [from, to] = [nodeIn(query.get('from')), nodeIn(query.get('to'))];
  if (from === undefined || (to === undefined && query.has('to'))) return { status: 400, error: 'from and to must be ids of nodes' };
  const asked = [from, to].flatMap((node) => (node === undefined || node.kind === 'unknown' ? [] : [node.namespace]));
  const refusal = asked.length === 0 ? unknownOnly : await hidden(viewer, asked);
  if (refusal !== undefined) return refusal;
  const limit = Math.min(mostLines, Math.max(1, Math.trunc(Number(query.get('limit') ?? 50)) || 50));
  const lines = await ports.logs(from, to, limit);
  return { ok: { lines: lines.slice(0, limit) } };
}

const unknownOnly = { status: 400, error: 'nothing is known of what is outside the mesh' } as const;

export async function explanationFor(ports: AnswerPorts, viewer: Viewer, query: URLSearchParams): Promise<Answer<ExplainAnswer>> {
  if (ports.explain === undefined) return { status: 404, error: 'nothing can be explained from here: use "ambientctl explain"' };
  const [namespace = '', name = '', ...more] = (query.get('from') ?? '').split('/');
  const to = query.get('to') ?? '';
  const [method, path] = [query.get('method') ?? '', query.get('path') ?? ''];
  if (namespace === '' || name === '' || more.length > 0) return { status: 400, error: 'from must be namespace/name of a pod or workload' };
  if (to === '' || [to, method, path].some(({ length }) => length > mostText))
    return { status: 400, error: 'to must be a host, perhaps with a port' };
  const before = await hidden(viewer, [namespace]);
  if (before !== undefined) return before;
  const question = { from: { namespace, name }, to, ...(method !== '' && { method }), ...(path !== '' && { path }) };
  const explained = await ports.explain(question);
  const refusal = await hidden(viewer, explained.namespaces);
  if (refusal !== undefined) return refusal;
  return 'error' in explained ? { status: 400, error: explained.error } : { ok: explained.answer };
}

/** A refusal, if there is any that the viewer may not see. It does not say whether such a namespace exists. */
async function hidden(
  viewer: Viewer,
  namespaces: readonly string[],
): Promise<{ readonly status: 403; readonly error: string } | undefined> {
  const seen = await viewer.sees(namespaces);
  return namespaces.every((each) => seen.has(each))
    ? undefined
    : { status: 403, error: `${viewer.name} may not see all the namespaces that this is about` };
}

const kinds: readonly NodeKind[] = ['workload', 'service', 'waypoint'];

function nodeIn(id: string | null): AskedNode | undefined {
  if (id === 'unknown') return { kind: 'unknown', namespace: '', name: '' };
  const [, kind, namespace = '', name = ''] = /^(\w+):([^/]+)\/(.+)$/.exec(id ?? '') ?? [];
  const known = kinds.find((each) => each === kind);
  return known && { kind: known, namespace, name };
}
