// The story of one request: the fixed chain of steps, each of which may answer; then the destination; at the end the report.
// Called by receive/http.ts. Order as in the field (facts: control-plane §6.2): identity, external authorization, tokens, authorization,
// limits, route, faults and CORS, header changes. What happens to a request that passes is dispatch/transaction.ts.
import { authorizeRequest, deniedText } from '@ambient-mesh/model/l7/authorize-request';
import { normalizePath } from '@ambient-mesh/model/l7/path-normalization';
import type { ServedRequest } from '@ambient-mesh/wire/http/exchange';
import { type Plan, Transaction } from '../dispatch/transaction.ts';
import { type Inlet, serviceKeyOf } from '../inlet.ts';
import type { Shared } from '../shared.ts';
import type { RequestReport } from '../telemetry/telemetry.ts';
import type { Trace } from '../telemetry/tracing.ts';
import type { Rules } from '../world.ts';
import { type Answer, answer } from './answer.ts';
import { Draft } from './draft.ts';
import { identify } from './identify.ts';
import { mirrorsOf } from './mirror.ts';
import { type Planned, planFor } from './plan.ts';

/** Never rejects. */
export async function serveRequest(shared: Shared, inlet: Inlet, request: ServedRequest): Promise<void> {
  const { clock, telemetry } = shared;
  using _running = shared.drain.enter();
  const [startTime, began] = [clock.now(), clock.monotonic()];
  const draft = new Draft(inlet, request, shared.drain.forced);
  using _scope = draft.scope;
  const trace = telemetry.begin(inlet, request.head.headers);
  const decided = await decide(shared, draft);
  const report = (end: Ended): void =>
    telemetry.request(inlet, {
      ...end,
      head: draft.head,
      originalPath: request.head.path,
      version: request.version,
      grpc: draft.grpc,
      startTime,
      milliseconds: clock.monotonic() - began,
      flags: [...draft.flags, ...end.flags],
      details: draft.details,
      route: draft.route,
      audited: draft.audited,
      trace,
    });
  if (!('plan' in decided)) return report(answered(draft.request, decided));
  const plan = trace === undefined ? decided.plan : traced(decided.plan, trace);
  const mirrors = mirrorsOf(shared, inlet, decided.mirrors, plan.head, draft.request);
  const outcome = await new Transaction(mirrors?.request ?? draft.request, plan, shared).outcome;
  report({
    ...outcome,
    ...(draft.instead !== undefined && { status: draft.instead.status }),
    answerHeaders: draft.answerHeaders,
    reason: outcome.detail,
  });
}

/** What a request's end adds to what was known of it. */
type Ended = Pick<
  RequestReport,
  'status' | 'grpcStatus' | 'answerHeaders' | 'flags' | 'reason' | 'requestBytes' | 'responseBytes' | 'messages' | 'attempts' | 'endpoint'
>;

/** The endpoint becomes a child of our span. */
const traced = (plan: Plan, { inject }: Trace): Plan => ({ ...plan, head: { ...plan.head, headers: inject(plan.head.headers) } });

function answered(request: ServedRequest, said: Answer): Ended {
  const { status, grpcStatus } = answer(request, said);
  const none = { flags: [], reason: '', requestBytes: 0, messages: undefined, attempts: 0, endpoint: undefined };
  return { ...none, status, grpcStatus, answerHeaders: said.headers ?? [], responseBytes: Buffer.byteLength(said.body ?? '') };
}

async function decide(shared: Shared, draft: Draft): Promise<Answer | Planned> {
  const { world, filters } = shared;
  const { inlet } = draft;
  const normal = normalizePath(draft.head.path, world.settings.pathNormalization);
  if ('refused' in normal) {
    draft.details = `path_normalization_failed[${normal.refused}]`;
    return { status: 400, body: `the path cannot be read in one way only: ${normal.refused}` };
  }
  if (normal.path !== draft.head.path) draft.change({ path: normal.path });
  identify(draft, world.waypoint.includeClientIdentity ? world.self.identity.uri : undefined);
  const rules = world.rulesFor(serviceKeyOf(inlet));
  const refused =
    (await filters.askOutside(draft, rules)) ??
    (await filters.runPlugins(draft, rules, 'AUTHN')) ??
    (await filters.checkTokens(draft, rules)) ??
    (await filters.runPlugins(draft, rules, 'AUTHZ')) ??
    authorize(shared, draft, rules) ??
    (await filters.limit(draft, rules));
  if (refused !== undefined) return refused;
  const planned = await planFor(shared, draft);
  if (!('plan' in planned)) return planned;
  const last = (await filters.runPlugins(draft, rules, 'STATS')) ?? (await filters.runPlugins(draft, rules, 'UNSPECIFIED'));
  return last ?? (draft.head === planned.plan.head ? planned : { ...planned, plan: { ...planned.plan, head: draft.head } });
}

function authorize({ log }: Shared, draft: Draft, rules: Rules): Answer | undefined {
  const verdict = authorizeRequest(rules.http, draft.facts);
  for (const note of verdict.shadow) log.info({ client: draft.inlet.client.uri, ...note }, 'dry run of a policy');
  draft.audited = verdict.audit;
  if (verdict.allow) return undefined;
  draft.details = verdict.details;
  log.debug(
    { client: draft.inlet.client.uri, method: draft.head.method, path: draft.head.path, rule: verdict.details },
    'a request was denied',
  );
  return { status: 403, body: deniedText };
}
