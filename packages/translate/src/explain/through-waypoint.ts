// What a waypoint does with a connection or request: which service it is for, who must consent, which policies hold. Pure.
// Called by explain.ts when the client's tunnel goes to a waypoint. The order is that of the waypoint's own chain; routes follow in routed.ts.
import { familyOf, type Ip } from '@ambient-mesh/model/address';
import {
  authorizeRequest,
  compileRequestPolicies,
  providersFor,
  type RequestPolicies,
  type RequestVerdict,
} from '@ambient-mesh/model/l7/authorize-request';
import { type ChainChoice, chooseChain } from '@ambient-mesh/model/l7/chain';
import { normalizePath } from '@ambient-mesh/model/l7/path-normalization';
import type { RequestPolicy } from '@ambient-mesh/model/l7/policy';
import { ConnectionFacts, RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Workload } from '@ambient-mesh/model/workload';
import { type AskedRequest, addressLike, ends, type Inquiry, nameOf, type Outcome, refused, together } from './explanation.ts';
import { requestRuleText, ruleCalledByUsers } from './policy-words.ts';
import { routed } from './routed.ts';
import { judgeTokens } from './tokens.ts';
import { type Attached, attachedHere } from './waypoint-rules.ts';

export interface AtWaypoint {
  readonly self: Workload;
  readonly selfIp: Ip;
}

type Chain = Exclude<ChainChoice, { readonly refuse: string }>;

/** A connection as the waypoint sees it. */
interface Arrived {
  readonly self: Workload;
  readonly chain: Chain;
  readonly rules: Attached;
  readonly connection: ConnectionFacts;
}

export function throughWaypoint(inquiry: Inquiry, { self, selfIp }: AtWaypoint): Outcome {
  const { known, question, steps } = inquiry;
  const { from, to, request } = question;
  const here = nameOf(self);
  const clientNamespace = from.identity.namespace;
  const chain = chooseChain(known.mesh, { self, selfIp, network: self.network, authority: to, clientNamespace });
  if ('refuse' in chain) return ends(inquiry, here, refused(chain.refuse));
  const service = 'service' in chain ? chain.service : undefined;
  const rules = attachedHere(known, self, service);
  const source = addressLike(from, selfIp) ?? selfIp;
  const arrived = { self, chain, rules, connection: new ConnectionFacts(source, to, from.identity, question.sni) };
  if (chain.protocol === 'tcp') {
    if (request !== undefined) steps.push({ at: here, says: `port ${to.port} is declared as raw TCP: requests are not looked into` });
    return raw(inquiry, arrived);
  }
  if (request !== undefined) return asSeenBy(request, http(inquiry, arrived, request));
  if (chain.protocol === 'sniff') {
    steps.push({ at: here, says: `taken for raw TCP: were it HTTP, each request would be judged by itself (ask with --path)` });
    return raw(inquiry, arrived);
  }
  steps.push({ at: here, says: `port ${to.port} is HTTP, and each request is judged by itself: taken to be GET / (ask with --path)` });
  return http(inquiry, arrived, { method: 'GET', path: '/', host: service?.hostname ?? hostOf(to.ip), headers: [] });
}

/** gRPC clients get a status of their own, in an answer that is 200. */
function asSeenBy({ headers }: AskedRequest, { status, ...outcome }: Outcome): Outcome {
  const isGrpc = headers.some(([name, value]) => name === 'content-type' && value.startsWith('application/grpc'));
  return status === undefined || isGrpc ? outcome : { ...outcome, status };
}

const hostOf = (ip: Ip): string => (familyOf(ip) === 4 ? ip : `[${ip}]`);

function raw(inquiry: Inquiry, { self, chain, rules, connection }: Arrived): Outcome {
  const here = nameOf(self);
  const policies = compileRequestPolicies(rules.policies, { http: false, trustDomains: rules.trustDomains });
  const facts = new RequestFacts(connection);
  const asked = consent(inquiry, here, policies, facts);
  if (asked === 'no') return ends(inquiry, here, { outcome: 'denied', by: unknownProvider });
  const verdict = authorizeRequest(policies, facts);
  told(inquiry, here, verdict, rules.policies);
  if (!verdict.allow) return afterConsent(asked, { outcome: 'denied', by: deciding(verdict, rules.policies) });
  return afterConsent(asked, routed(inquiry, { self, chain }));
}

function http(inquiry: Inquiry, { self, chain, rules, connection }: Arrived, request: AskedRequest): Outcome {
  const { known, question, steps } = inquiry;
  const here = nameOf(self);
  const normal = normalizePath(request.path, known.settings.pathNormalization);
  if ('refused' in normal)
    return ends(inquiry, here, { outcome: 'answered', by: `400: the path cannot be read in one way only: ${normal.refused}`, status: 400 });
  const first = identified({ ...request, path: normal.path }, rules.includeClientIdentity ? xfccOf(self, question.from) : undefined);
  const policies = compileRequestPolicies(rules.policies, { http: true, trustDomains: rules.trustDomains });
  const asked = consent(inquiry, here, policies, new RequestFacts(connection, lineOf(first)));
  if (asked === 'no') return ends(inquiry, here, { outcome: 'denied', by: unknownProvider, status: 403 });
  const tokens = judgeTokens(rules.authentications, first, question.now);
  if (tokens.says !== undefined) steps.push({ at: here, says: tokens.says });
  if ('status' in tokens) return afterConsent(asked, { outcome: 'denied', by: tokens.by, status: tokens.status });
  const { accepted } = tokens;
  for (const plugin of rules.plugins) steps.push({ at: here, says: `plugin ${nameOf(plugin)} sees it, and may answer by itself` });
  const verdict = authorizeRequest(policies, new RequestFacts(connection, lineOf(accepted), tokens.claims));
  told(inquiry, here, verdict, rules.policies);
  if (!verdict.allow) return afterConsent(asked, { outcome: 'denied', by: deciding(verdict, rules.policies), status: 403 });
  for (const limit of rules.limits) steps.push({ at: here, says: `RateLimit ${nameOf(limit)} may count it, and refuse it with 429` });
  return afterConsent(asked, routed(inquiry, { self, chain, request: accepted }));
}

/** Whoever is asked may say no before, with a status of its own. */
const afterConsent = (asked: 'yes' | 'maybe', rest: Outcome): Outcome =>
  asked === 'yes' ? rest : together([{ outcome: 'denied', by: 'external authorization' }, rest]);

const lineOf = ({ method, host, path, headers }: AskedRequest) => ({ method, host, path, headers });

const unknownProvider = 'a CUSTOM policy whose provider the mesh configuration does not know: everything is denied';

/** Whoever must be asked outside of the mesh. `no`: it is nobody, which denies. */
function consent({ known, steps }: Inquiry, here: string, policies: RequestPolicies, facts: RequestFacts): 'yes' | 'maybe' | 'no' {
  let answer: 'yes' | 'maybe' = 'yes';
  for (const { provider, rule, dryRun } of providersFor(policies, facts)) {
    const by = ruleCalledByUsers(rule);
    if (dryRun) {
      steps.push({ at: here, says: `dry run: ${by} would ask ${provider}` });
      continue;
    }
    const kind = known.settings.providers.find(({ name }) => name === provider)?.kind;
    if (kind !== 'ext-authz-http' && kind !== 'ext-authz-grpc') return 'no';
    steps.push({ at: here, says: `asks ${provider} for its consent, by ${by}: what it answers is not known here` });
    answer = 'maybe';
  }
  return answer;
}

function told({ steps }: Inquiry, here: string, verdict: RequestVerdict, policies: readonly RequestPolicy[]): void {
  for (const { action, allow, rule } of verdict.shadow) {
    const by = rule === undefined ? `no ${action} policy` : ruleCalledByUsers(rule);
    steps.push({ at: here, says: `dry run: ${by} would ${allow ? 'allow' : rule === undefined ? 'allow' : 'deny'} it` });
  }
  if (verdict.audit) steps.push({ at: here, says: 'a policy marks it for audit' });
  const text = verdict.rule === undefined ? '' : requestRuleText(verdict.rule, policies);
  const compared = text === '' ? '' : ` (${text})`;
  if (!verdict.allow) steps.push({ at: here, says: `denied by ${deciding(verdict, policies)}${compared}` });
  else if (verdict.rule !== undefined) steps.push({ at: here, says: `allowed by ${ruleCalledByUsers(verdict.rule)}${compared}` });
}

function deciding({ rule }: RequestVerdict, policies: readonly RequestPolicy[]): string {
  if (rule !== undefined) return ruleCalledByUsers(rule);
  const names = policies.filter(({ action, dryRun }) => action === 'ALLOW' && !dryRun).map(nameOf);
  return `no rule of AuthorizationPolicy ${names.join(', ')}, which allow${names.length === 1 ? 's' : ''} others`;
}

const xfcc = 'x-forwarded-client-cert';
const xfccOf = (self: Workload, client: Workload): string => `By=${self.identity.uri};URI=${client.identity.uri}`;

/** What the waypoint gives a request before anybody looks at it, and takes away. */
function identified(request: AskedRequest, clientIdentity: string | undefined): AskedRequest {
  const kept = request.headers.filter(([name]) => name !== xfcc);
  const has = (wanted: string): boolean => kept.some(([name]) => name === wanted);
  const added: (readonly [string, string])[] = [];
  if (!has('x-forwarded-proto')) added.push(['x-forwarded-proto', 'http']);
  if (!has('x-request-id')) added.push(['x-request-id', '00000000-0000-4000-8000-000000000000']);
  if (clientIdentity !== undefined) added.push([xfcc, clientIdentity]);
  return { ...request, headers: [...kept, ...added] };
}
