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

/** `error`: the question makes no sense. `namespaces`: of everybody who has a part in it, or whom the error tells of. */
export type ExplainedByName = ({ readonly answer: Explanation } | { readonly error: string }) & { readonly namespaces: readonly string[] };

/** @param now milliseconds since 1970 */
export function explainByName(known: KnownMesh, asked: AskedByName, now: number): ExplainedByName {
  const { namespace, name } = asked.from;
  const { method, path } = asked;
  const from = workloadCalled(known.mesh, name, namespace);
  if (from === undefined) return { error: `there is no pod or workload ${namespace}/${name}`, namespaces: [namespace] };
  const target = targetCalled(known.mesh, asked.to, namespace);
  if (typeof target === 'string') return { error: target, namespaces: [namespace, namespaceMeant(asked.to) ?? namespace] };
  const isRequest = method !== undefined || path !== undefined;
  const request = { method: (method ?? 'GET').toUpperCase(), host: target.host, path: path ?? '/', headers: [] };
  const question: Question = { from, to: target.address, now, ...(isRequest && { request }) };
  const answer = explain(known, question);
  const service = known.mesh.serviceAt(from.network, target.address.ip, { clientNamespace: from.namespace });
  const there = answer.steps.flatMap(({ at }) => at.split(', ').map((each) => each.slice(0, Math.max(0, each.indexOf('/')))));
  return { answer, namespaces: [...new Set([namespace, ...(service ? [service.namespace] : []), ...there])].filter((each) => each !== '') };
}

/** Undefined: none is named. */
function namespaceMeant(to: string): string | undefined {
  if (to.startsWith('pod/')) return to.split('/').length > 2 ? to.split('/')[1] : undefined;
  return to.replace(/:\d*$/, '').split('.')[1];
}
