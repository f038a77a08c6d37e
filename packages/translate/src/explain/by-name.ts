// An explanation of what was asked by names, as a web page asks: workload, host and perhaps a request. Pure.
// Used by the graph's servers. The CLI's own command knows more ways to ask.
import { explain } from './explain.ts';
import type { Explanation, Question } from './explanation.ts';
import type { KnownMesh } from './mesh-of.ts';
import { targetCalled, workloadCalled } from './names.ts';

export interface AskedByName {
  readonly from: { readonly namespace: string; readonly name: string };
  /** `host` or `host:port`. */
  readonly to: string;
  /** Either makes it an HTTP request. */
  readonly method?: string;
  readonly path?: string;
}

export interface ExplainedByName {
  readonly answer: Explanation;
  /** Of everybody who has a part in it. */
  readonly namespaces: readonly string[];
}

/** @param now milliseconds since 1970 */
export function explainByName(known: KnownMesh, asked: AskedByName, now: number): ExplainedByName | { readonly error: string } {
  const { namespace, name } = asked.from;
  const { method, path } = asked;
  const from = workloadCalled(known.mesh, name, namespace);
  if (from === undefined) return { error: `there is no pod or workload ${namespace}/${name}` };
  const target = targetCalled(known.mesh, asked.to, namespace);
  if (typeof target === 'string') return { error: target };
  const isRequest = method !== undefined || path !== undefined;
  const request = { method: (method ?? 'GET').toUpperCase(), host: target.host, path: path ?? '/', headers: [] };
  const question: Question = { from, to: target.address, now, ...(isRequest && { request }) };
  const answer = explain(known, question);
  const service = known.mesh.serviceAt(from.network, target.address.ip, { clientNamespace: from.namespace });
  const there = answer.steps.flatMap(({ at }) => at.split(', ').map((each) => each.slice(0, Math.max(0, each.indexOf('/')))));
  return { answer, namespaces: [...new Set([namespace, ...(service ? [service.namespace] : []), ...there])].filter((each) => each !== '') };
}
