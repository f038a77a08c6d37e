// Where a waypoint sends what it has let pass: the rule that matches, its filters, the backends by weight, and their endpoints. Pure.
// Called by through-waypoint.ts; the same tables and the same order as in the waypoint's own plan.
import { formatSocket } from '@ambient-mesh/model/address';
import { eligibleEndpoints, type Upstream } from '@ambient-mesh/model/endpoint-choice';
import type { ChainChoice } from '@ambient-mesh/model/l7/chain';
import { corsAnswer } from '@ambient-mesh/model/l7/cors';
import { applyEdit } from '@ambient-mesh/model/l7/header-edit';
import { editPath } from '@ambient-mesh/model/l7/path-edit';
import { locationOf } from '@ambient-mesh/model/l7/redirect';
import { defaultRetry, wanted } from '@ambient-mesh/model/l7/retry';
import type { Backend, Filter, Retry } from '@ambient-mesh/model/l7/route';
import type { CompiledRule, ServiceRoutes } from '@ambient-mesh/model/l7/route-table';
import { type Service, serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { arrivals } from './arrival.ts';
import { type AskedRequest, allowed, ends, type Inquiry, nameOf, type Outcome, refused, together } from './explanation.ts';
import { tablesFor } from './waypoint-rules.ts';

export interface Passed {
  readonly self: Workload;
  readonly chain: Exclude<ChainChoice, { readonly refuse: string }>;
  /** Absent: not HTTP. */
  readonly request?: AskedRequest;
  /** Of the rule that was taken, if that says. */
  readonly retry?: Retry;
}

export function routed(inquiry: Inquiry, passed: Passed): Outcome {
  const { chain, self, request } = passed;
  if (!('service' in chain)) return toEndpoints(inquiry, passed, [chain]);
  const client = { namespace: inquiry.question.from.identity.namespace };
  const routes = tablesFor(inquiry.known, self.namespace).routes.forService(serviceKey(chain.service), chain.port, client);
  if (request === undefined) return rawRouted(inquiry, passed, routes);
  if (routes === undefined || routes.kind === 'tcp' || routes.kind === 'tls')
    return toService(inquiry, passed, { service: chain.service, port: chain.port });
  const { method, path, host: authority, headers } = request;
  const taken = routes.match({ method, path, authority, scheme: 'http', headers });
  if (taken === undefined) return ends(inquiry, nameOf(self), { outcome: 'answered', by: '404: no route matches', status: 404 });
  return byRule(inquiry, { ...passed, request }, taken);
}

function rawRouted(inquiry: Inquiry, passed: Passed, routes: ServiceRoutes | undefined): Outcome {
  const { chain, self } = passed;
  if (!('service' in chain)) return allowed;
  const match = routes === undefined ? undefined : isHttp(routes) ? routes.raw : routes.match;
  if (match === undefined) return toService(inquiry, passed, { service: chain.service, port: chain.port });
  const sni = inquiry.question.sni ?? '';
  const backends = match(sni);
  if (backends === undefined) return ends(inquiry, nameOf(self), refused(`no route is for server name ${JSON.stringify(sni)}`));
  return byWeight(inquiry, passed, backends, 'its route');
}

const isHttp = (routes: ServiceRoutes): routes is Extract<ServiceRoutes, { readonly kind: 'http' | 'grpc' }> =>
  routes.kind === 'http' || routes.kind === 'grpc';

type WithRequest = Passed & { readonly request: AskedRequest };

function byRule(inquiry: Inquiry, passed: WithRequest, { rule, route }: CompiledRule): Outcome {
  const name = rule.name ?? route;
  inquiry.steps.push({ at: nameOf(passed.self), says: `rule ${name} matches` });
  const { request, answers } = filtered(inquiry, passed, rule.filters, name);
  if (answers.some(({ sure }) => sure)) return together(answers.map(({ outcome }) => outcome));
  const rest = byWeight(inquiry, { ...passed, request, ...(rule.retry && { retry: rule.retry }) }, rule.backends, name);
  return answers.length === 0 ? rest : together([...answers.map(({ outcome }) => outcome), rest]);
}

interface Answer {
  readonly outcome: Outcome;
  /** Nothing after it is reached. */
  readonly sure: boolean;
}

/** Filters in order: what becomes of the request, and who may answer instead of the service. */
function filtered(
  inquiry: Inquiry,
  { self, chain, request: given }: WithRequest,
  filters: readonly Filter[],
  name: string,
): { readonly request: AskedRequest; readonly answers: readonly Answer[] } {
  const answers: Answer[] = [];
  let request = given;
  const say = (says: string): void => void inquiry.steps.push({ at: nameOf(self), says });
  for (const filter of filters) {
    const answer = answerOf(filter, request, chain.port);
    if (answer !== undefined) {
      say(`answers ${answer.says}${answer.sure ? '' : ', at times'}`);
      answers.push({ sure: answer.sure, outcome: { outcome: 'answered', by: `${answer.status}: ${name}`, status: answer.status } });
      if (answer.sure) break;
    }
    if (filter.filter === 'mirror' && filter.share > 0)
      say(
        `sends ${'invalid' in filter.to ? 'no copy' : `a copy to ${filter.to.service} port ${filter.to.port}`}${filter.share < 1 ? ', at times' : ''}`,
      );
    const changed = changedBy(filter, request);
    if (changed.path !== request.path || changed.host !== request.host) say(`rewrites it to ${changed.host}${changed.path}`);
    request = changed;
  }
  return { request, answers };
}

function changedBy(filter: Filter, request: AskedRequest): AskedRequest {
  if (filter.filter === 'request-headers') {
    const { headers, authority } = applyEdit(request.headers, filter);
    return { ...request, headers, ...(authority !== undefined && { host: authority }) };
  }
  if (filter.filter !== 'rewrite') return request;
  return {
    ...request,
    ...(filter.path !== undefined && { path: editPath(request.path, filter.path) }),
    ...(filter.hostname !== undefined && { host: filter.hostname }),
  };
}

interface Answers {
  readonly status: number;
  readonly says: string;
  readonly sure: boolean;
}

/** Undefined for filters that let the request go on. */
function answerOf(filter: Filter, request: AskedRequest, port: number): Answers | undefined {
  switch (filter.filter) {
    case 'redirect': {
      const location = locationOf({ scheme: 'http', authority: request.host, path: request.path }, filter, port);
      return { status: filter.status, says: `${filter.status}: redirected to ${location}`, sure: true };
    }
    case 'respond':
      return { status: filter.status, says: `${filter.status} by itself`, sure: true };
    case 'cors': {
      const preflight = corsAnswer(filter, request);
      return preflight && { status: preflight.status, says: `${preflight.status} to a preflight`, sure: true };
    }
    case 'fault': {
      const { abort } = filter;
      if (abort === undefined || abort.share <= 0) return undefined;
      return { status: abort.status, says: `${abort.status}: an injected fault`, sure: abort.share >= 1 };
    }
    case 'request-headers':
    case 'response-headers':
    case 'rewrite':
    case 'mirror':
      return undefined;
    default:
      return filter satisfies never;
  }
}

function byWeight(inquiry: Inquiry, passed: Passed, backends: readonly Backend[], name: string): Outcome {
  const status = passed.request === undefined ? undefined : 500;
  const weighed = backends.filter(({ weight }) => weight > 0);
  if (weighed.length === 0) return unusable(inquiry, passed, `${name} has no backend`, status);
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  return together(
    weighed.map((backend) => {
      const share = weighed.length === 1 ? '' : `${Math.round((backend.weight * 100) / total)} % `;
      return toBackend(inquiry, passed, backend, { share, name });
    }),
  );
}

function toBackend(
  inquiry: Inquiry,
  passed: Passed,
  { to, filters }: Backend,
  { share, name }: { readonly share: string; readonly name: string },
): Outcome {
  const { request } = passed;
  let sent = passed;
  if (request !== undefined) {
    const after = filtered(inquiry, { ...passed, request }, filters, name);
    if (after.answers.some(({ sure }) => sure)) return together(after.answers.map(({ outcome }) => outcome));
    sent = { ...passed, request: after.request };
  }
  if ('invalid' in to) return unusable(inquiry, sent, to.invalid, request === undefined ? undefined : 500);
  const service = inquiry.known.mesh.service(to.service);
  const subset = to.subset === undefined ? '' : `, subset ${to.subset}`;
  inquiry.steps.push({ at: nameOf(passed.self), says: `sends ${share}to ${to.service} port ${to.port}${subset}` });
  if (service === undefined) return unreachable(inquiry, sent, `${to.service} is not known to the mesh`);
  return toService(inquiry, sent, { service, port: to.port, ...(to.subset !== undefined && { subset: to.subset }) });
}

function unusable(inquiry: Inquiry, { self }: Passed, why: string, status: number | undefined): Outcome {
  if (status === undefined) return ends(inquiry, nameOf(self), refused(why));
  return ends(inquiry, nameOf(self), { outcome: 'answered', by: `${status}: ${why}`, status });
}

const unreachable = (inquiry: Inquiry, { self, request }: Passed, why: string): Outcome =>
  ends(inquiry, nameOf(self), refused(why, request === undefined ? undefined : 503));

interface Target {
  readonly service: Service;
  readonly port: number;
  readonly subset?: string;
}

function toService(inquiry: Inquiry, passed: Passed, { service, port, subset }: Target): Outcome {
  const { known, question, steps } = inquiry;
  const { self, request } = passed;
  const here = nameOf(self);
  if (service.loadBalancer?.mode === 'Passthrough')
    return ends(inquiry, here, allowed, `goes on to ${formatSocket(question.to)} itself, in clear, wherever that is`);
  if (service.hostname.startsWith('*.') && known.mesh.endpoints(service).every(({ hostname }) => hostname === service.hostname)) {
    const host = (request?.host ?? question.sni ?? '').replace(/:\d+$/, '').toLowerCase();
    if (host.endsWith(service.hostname.slice(1))) return ends(inquiry, here, allowed, `goes out to ${host}, which leaves the mesh`);
    const why = `${service.hostname} has no host ${JSON.stringify(host)}`;
    return request === undefined
      ? ends(inquiry, here, refused(why))
      : ends(inquiry, here, { outcome: 'answered', by: `404: ${why}`, status: 404 });
  }
  const { namespace, hostname } = service;
  const { policy, members } = tablesFor(known, self.namespace).destinations.forService(hostname, namespace, port, subset);
  if (policy.tls !== undefined && policy.tls.mode !== 'disable')
    steps.push({ at: here, says: `begins TLS (${policy.tls.mode}) with it, as a DestinationRule says` });
  const all = eligibleEndpoints(known.mesh, service, port, self);
  const chosen = members === undefined ? all : all.filter(({ workload }) => members.has(workload.uid));
  if (chosen.length === 0)
    return unreachable(
      inquiry,
      passed,
      `${hostname} port ${port}${subset === undefined ? '' : `, subset ${subset},`} has no healthy endpoint`,
    );
  return toEndpoints(inquiry, passed, chosen);
}

/** A request gets an answer in any case: 503 where no endpoint takes the connection. */
function toEndpoints(inquiry: Inquiry, passed: Passed, endpoints: readonly Upstream[]): Outcome {
  const outcomes = arrivals(inquiry, endpoints, sentBy(passed.self));
  if (passed.request === undefined) return together(outcomes);
  const open = outcomes.filter((each) => each.outcome === 'allowed');
  if (open.length > 0 && triedAgain(inquiry, passed, outcomes.length - open.length)) return together(open);
  const outcome = together(outcomes);
  return outcome.outcome === 'denied' || outcome.outcome === 'refused' ? { ...outcome, status: 503 } : outcome;
}

/** Endpoints that refuse the waypoint's connection cost an attempt each, as long as there are any left. */
function triedAgain({ known, steps }: Inquiry, { self, retry }: Passed, refusing: number): boolean {
  const said = retry ?? known.settings.defaultRetry ?? defaultRetry;
  if (refusing > said.attempts || !wanted(said, { kind: 'connect' })) return false;
  if (refusing > 0)
    steps.push({ at: nameOf(self), says: 'endpoints that refuse it are passed over: the request is sent again to another' });
  return true;
}

/** Waypoints dial the first address that their own family has. */
const sentBy = (self: Workload) => ({ from: self, like: self.addresses[0] ?? noAddress, inClear: false });
const noAddress = '0.0.0.0' as Workload['addresses'][number];
