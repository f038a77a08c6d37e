// From a request that may pass to what is to be done with it: which rule, its filters, which backend, and how it is sent.
// Called by serve-request.ts after policies. The rules of matching and rewriting are pure (model/l7); faults take their time here.
import { corsAnswer, corsHeaders } from '@ambient-mesh/model/l7/cors';
import { applyEdit } from '@ambient-mesh/model/l7/header-edit';
import { editPath } from '@ambient-mesh/model/l7/path-edit';
import { locationOf } from '@ambient-mesh/model/l7/redirect';
import { defaultRetry } from '@ambient-mesh/model/l7/retry';
import type { Backend, Filter, HttpRule, Destination as Target } from '@ambient-mesh/model/l7/route';
import type { CompiledRule } from '@ambient-mesh/model/l7/route-table';
import { ms } from '@ambient-mesh/runtime/time';
import type { ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Destination } from '../dispatch/destination.ts';
import type { Endpoint } from '../dispatch/endpoint.ts';
import type { Plan } from '../dispatch/transaction.ts';
import { announce, sessionOf } from '../filters/persistence.ts';
import { serviceKeyOf } from '../inlet.ts';
import type { Shared } from '../shared.ts';
import type { Answer } from './answer.ts';
import { type Chosen, destinationOf, draw, versionFor } from './backend.ts';
import type { Draft } from './draft.ts';
import { hashKey } from './hash-key.ts';

export interface Planned {
  readonly plan: Plan;
  readonly mirrors: readonly Target[];
}

/** Undefined where the service has no routes: it is its own backend. */
type Taken = CompiledRule | undefined;

export async function planFor(shared: Shared, draft: Draft): Promise<Answer | Planned> {
  const taken = match(shared, draft);
  if (taken !== undefined && 'status' in taken) return taken;
  const mirrors: Target[] = [];
  const ofRule = taken === undefined ? undefined : await applyAll(shared, draft, taken.rule.filters, mirrors);
  if (ofRule !== undefined) return ofRule;
  const chosen = await choose(shared, draft, taken, mirrors);
  if (typeof chosen === 'object' && 'status' in chosen) return chosen;
  const destination = destinationOf(shared, draft.inlet, chosen, draft.head.authority);
  if (destination === undefined) return notFound(draft, 'the service has no such host');
  return { plan: planTo(shared, draft, { destination, chosen, rule: taken?.rule }), mirrors };
}

function match({ world }: Shared, draft: Draft): Taken | Answer {
  const { inlet } = draft;
  const key = serviceKeyOf(inlet);
  const routes = key === undefined ? undefined : world.routesFor(key, inlet.port, inlet.client.namespace);
  if (routes === undefined || routes.kind === 'tcp' || routes.kind === 'tls') return undefined;
  const found = routes.match(draft.head);
  if (found !== undefined) {
    draft.route = found.rule.name ?? found.route;
    return found;
  }
  return notFound(draft, 'no route matches');
}

function notFound(draft: Draft, body: string): Answer {
  draft.flags.push('NR');
  draft.details = 'route_not_found';
  return { status: 404, body, grpcStatus: 12 };
}

/** The backend, after its own filters: that of the client's session, else one by weight (facts: gateway-api-mesh §3.6). */
async function choose(
  shared: Shared,
  draft: Draft,
  taken: Taken,
  mirrors: Target[],
): Promise<Exclude<Chosen, { readonly invalid: string }> | Answer> {
  if (taken === undefined) return 'itself';
  const { backends, persistence } = taken.rule;
  const session = persistence && sessionOf(persistence, draft.head.headers, shared.clock.now());
  const { inlet, head } = draft;
  const holds = ({ to }: Backend, uid: string): boolean =>
    !('invalid' in to) && destinationOf(shared, inlet, to, head.authority)?.find(uid) !== undefined;
  const bound = session && backends.find((backend) => holds(backend, session.uid));
  if (bound !== undefined) draft.session = session;
  const backend = bound ?? draw(backends, shared.random);
  const to = backend?.to ?? { invalid: 'the rule has no backend' };
  const answered = backend === undefined ? undefined : await applyAll(shared, draft, backend.filters, mirrors);
  if (answered !== undefined) return answered;
  if (!('invalid' in to)) return to;
  draft.flags.push('NC');
  draft.details = to.invalid;
  return { status: 500, body: to.invalid, grpcStatus: 14 };
}

async function applyAll(shared: Shared, draft: Draft, filters: readonly Filter[], mirrors: Target[]): Promise<Answer | undefined> {
  for (const filter of filters) {
    const answered = filter.filter === 'fault' ? await injectFault(shared, draft, filter) : apply(shared, draft, filter, mirrors);
    if (answered !== undefined) return answered;
  }
  return undefined;
}

function apply(
  { random }: Shared,
  draft: Draft,
  filter: Exclude<Filter, { readonly filter: 'fault' }>,
  mirrors: Target[],
): Answer | undefined {
  const { head } = draft;
  switch (filter.filter) {
    case 'request-headers': {
      const { headers, authority } = applyEdit(head.headers, filter);
      draft.change({ headers, ...(authority !== undefined && { authority }) });
      return undefined;
    }
    case 'response-headers':
      draft.responseEdits.push(filter);
      return undefined;
    case 'redirect':
      return { status: filter.status, headers: [['location', locationOf(head, filter, draft.inlet.port)]] };
    case 'rewrite':
      draft.change({
        ...(filter.path !== undefined && { path: editPath(head.path, filter.path) }),
        ...(filter.hostname !== undefined && { authority: filter.hostname }),
      });
      return undefined;
    case 'mirror':
      if (random() < filter.share) mirrors.push(filter.to);
      return undefined;
    case 'cors': {
      const preflight = corsAnswer(filter, head);
      if (preflight !== undefined) return { status: preflight.status, headers: preflight.headers };
      draft.responseHeaders.push(...corsHeaders(filter, head));
      return undefined;
    }
    case 'respond':
      draft.details = filter.why;
      return { status: filter.status, ...(filter.body !== undefined && { body: filter.body }) };
    default:
      return filter satisfies never;
  }
}

async function injectFault(
  { clock, random, drain }: Shared,
  draft: Draft,
  { delay, abort }: Extract<Filter, { readonly filter: 'fault' }>,
): Promise<Answer | undefined> {
  if (delay !== undefined && random() < delay.share) {
    draft.flags.push('DI');
    await clock.sleep(ms(delay.ms), drain.forced).catch(() => {});
  }
  if (abort === undefined || random() >= abort.share) return undefined;
  draft.flags.push('FI');
  draft.details = 'fault_filter_abort';
  return { status: abort.status, body: 'fault filter abort', ...(abort.grpcStatus !== undefined && { grpcStatus: abort.grpcStatus }) };
}

interface To {
  readonly destination: Destination;
  readonly chosen: Chosen;
  readonly rule: HttpRule | undefined;
}

function planTo(shared: Shared, draft: Draft, { destination, chosen, rule }: To): Plan {
  const { clock, config, world } = shared;
  const { head, request, grpc, inlet } = draft;
  const { balance } = destination.settings;
  const { session } = draft;
  const { hash, cookie } = hashKey(balance?.hash, { head, sourceIp: inlet.from.ip, token: () => shared.random().toString(36).slice(2) });
  if (cookie !== undefined) draft.responseHeaders.push(cookie);
  const began = clock.monotonic();
  return {
    head,
    destination,
    version: versionFor(shared, destination, chosen, { version: request.version, grpc }),
    retry: rule?.retry ?? world.settings.defaultRetry ?? defaultRetry,
    requestTimeout: rule?.requestTimeout,
    attemptTimeout: rule?.attemptTimeout,
    hash,
    sticky: session?.uid,
    keepBytes: config.retryBodyBytes,
    answered: (answer, { workload: { uid } }: Endpoint) => {
      const told = rule?.persistence && announce(rule.persistence, session, { uid, now: clock.now(), path: '/' });
      return finish(draft, answer, [
        ['x-envoy-upstream-service-time', String(Math.round(clock.monotonic() - began))],
        ...draft.responseHeaders,
        ...(told === undefined ? [] : [told]),
      ]);
    },
  };
}

function finish(draft: Draft, { status, headers }: ResponseHead, more: ResponseHead['headers']): ResponseHead {
  const names = new Set(more.map(([name]) => name).filter((name) => name !== 'set-cookie'));
  let all = [...headers.filter(([name]) => name !== 'server' && !names.has(name)), ['server', 'istio-envoy'] as const, ...more];
  for (const change of draft.responseChanges) all = [...change(all)];
  for (const edit of draft.responseEdits) all = [...applyEdit(all, edit).headers];
  draft.answerHeaders = all;
  return { status, headers: all };
}
