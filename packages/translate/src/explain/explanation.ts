// The way that a connection or request would take through the mesh, and who decides about it: computed by the code that tunnels and waypoints run. Pure.
// Called by commands/explain.ts. Where chance decides (endpoints, weights) every possibility is told of.
import { formatSocket, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import { authorize } from '@ambient-mesh/model/authorize';
import { eligibleEndpoints, type Upstream } from '@ambient-mesh/model/endpoint-choice';
import { attachedTo } from '@ambient-mesh/model/l7/attachment';
import { authorizeRequest, compileRequestPolicies, providersFor } from '@ambient-mesh/model/l7/authorize-request';
import { chooseChain } from '@ambient-mesh/model/l7/chain';
import type { Claims } from '@ambient-mesh/model/l7/claims';
import { normalizePath } from '@ambient-mesh/model/l7/path-normalization';
import { ConnectionFacts, RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Backend } from '@ambient-mesh/model/l7/route';
import { nextHop } from '@ambient-mesh/model/next-hop';
import { type Service, serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { authenticationsIn, type KnownMesh, policiesIn, tablesFor } from './mesh-of.ts';

export interface Question {
  readonly from: Workload;
  readonly to: SocketAddress;
  /** Absent: a connection that is not HTTP, or of which nothing more is known. */
  readonly request?: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    /** Names in lower case. */
    readonly headers: readonly (readonly [string, string])[];
    /** Of a token that is good. */
    readonly claims?: Claims;
  };
}

export interface Step {
  readonly at: string;
  readonly says: string;
}

export interface Explanation {
  readonly steps: readonly Step[];
  /** `sometimes`: chance decides, see the steps. */
  readonly outcome: 'allowed' | 'denied' | 'refused' | 'answered' | 'sometimes';
  /** The policy, route or reason that decided; empty where nothing had to. */
  readonly by: string;
}

/** What is found out on the way. */
type Outcome = Pick<Explanation, 'outcome' | 'by'>;

const network = '';

export function explain(known: KnownMesh, question: Question): Explanation {
  const steps: Step[] = [];
  const outcome = question.from.protocol === 'TCP' ? fromOutside(known, question, steps) : fromInside(known, question, steps);
  return { steps, ...outcome };
}

const nameOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => `${namespace}/${name}`;

/** The client is not in the mesh: nobody captures it, and nobody knows who it is. */
function fromOutside({ mesh }: KnownMesh, { from, to }: Question, steps: Step[]): Outcome {
  steps.push({ at: nameOf(from), says: 'is not in the mesh: connects in clear, past any waypoint' });
  const service = mesh.serviceAt(network, to.ip);
  const endpoints =
    service === undefined ? workloadAt(mesh.workloadAt(network, to.ip), to.port) : eligibleEndpoints(mesh, service, to.port, from);
  return arrivals(mesh, endpoints, { from, source: firstAddress(from), inClear: true }, steps);
}

function fromInside(known: KnownMesh, question: Question, steps: Step[]): Outcome {
  const { mesh } = known;
  const { from, to } = question;
  const hop = nextHop(mesh, { source: from, sourceIp: firstAddress(from), destination: to, network, random: () => 0 });
  if ('need' in hop)
    return refused(steps, nameOf(from), hop.need === 'dns' ? `needs the address of ${hop.hostname} from DNS` : `does not know ${hop.key}`);
  if ('refuse' in hop) return refused(steps, nameOf(from), hop.text);
  const { service } = hop;
  const meant = service === undefined ? formatSocket(to) : `${service.hostname} port ${to.port}`;
  if (hop.by === 'passthrough') {
    steps.push({ at: nameOf(from), says: `${formatSocket(to)} is not known to the mesh: goes there in clear` });
    return { outcome: 'allowed', by: '' };
  }
  if (hop.by === 'double-hbone') {
    steps.push({
      at: nameOf(from),
      says: `${meant} is on another network: by the gateway ${nameOf(hop.workload)}, which decides the rest`,
    });
    return { outcome: 'allowed', by: '' };
  }
  if (hop.by === 'hbone' && !hop.direct) {
    steps.push({ at: nameOf(from), says: `${meant} has a waypoint: by mutual TLS to ${nameOf(hop.workload)}` });
    return throughWaypoint(known, question, { waypoint: hop.workload, at: hop.to.ip }, steps);
  }
  steps.push({
    at: nameOf(from),
    says: `${meant}: directly, ${hop.by === 'tcp' ? 'in clear, since it is not in the mesh' : 'by mutual TLS'}`,
  });
  const endpoints = service === undefined ? workloadAt(hop.workload, to.port) : eligibleEndpoints(mesh, service, to.port, from);
  return arrivals(mesh, endpoints, { from, source: firstAddress(from), inClear: false }, steps);
}

interface Through {
  readonly waypoint: Workload;
  readonly at: Ip;
}

function throughWaypoint(known: KnownMesh, question: Question, { waypoint, at }: Through, steps: Step[]): Outcome {
  const { mesh, settings } = known;
  const { from, to, request } = question;
  const here = nameOf(waypoint);
  const chain = chooseChain(mesh, { self: waypoint, selfIp: at, network, authority: to, clientNamespace: from.identity.namespace });
  if ('refuse' in chain) return refused(steps, here, chain.refuse);
  const service = 'service' in chain ? chain.service : undefined;
  const isHttp = request !== undefined && chain.protocol !== 'tcp';
  if (request !== undefined && !isHttp)
    steps.push({ at: here, says: `port ${to.port} is declared as raw TCP: requests are not looked into` });
  const normal = request === undefined ? undefined : normalizePath(request.path, settings.pathNormalization);
  if (isHttp && normal !== undefined && 'refused' in normal)
    return decided(steps, here, { outcome: 'denied', by: `400: the path has ${normal.refused}` });
  const path = normal !== undefined && 'path' in normal ? normal.path : '/';

  const connection = new ConnectionFacts(firstAddress(from), to, from.identity);
  const facts = isHttp
    ? new RequestFacts(connection, { host: request.host, method: request.method, path, headers: request.headers }, request.claims)
    : new RequestFacts(connection);
  const gateway = gatewayOf(known, service, waypoint);
  const attached = { waypoint: gateway.key, waypointClass: gateway.class, ...(service && { service: serviceKey(service) }) };
  const policies = compileRequestPolicies(attachedTo(policiesIn(known), attached, settings.rootNamespace), {
    http: isHttp,
    trustDomains: [settings.trustDomain, ...settings.trustDomainAliases],
  });
  for (const { provider, rule, dryRun } of providersFor(policies, facts))
    if (!dryRun) steps.push({ at: here, says: `asks ${provider} for its consent (${rule})` });
  const tokens = attachedTo(authenticationsIn(known), attached, settings.rootNamespace);
  if (tokens.length > 0 && isHttp)
    steps.push({ at: here, says: `a token, if there is one, must be good for ${tokens.map(nameOf).join(' or ')}` });
  const verdict = authorizeRequest(policies, facts);
  if (!verdict.allow) return decided(steps, here, { outcome: 'denied', by: verdict.details });
  if (verdict.rule !== undefined) steps.push({ at: here, says: `allowed by ${verdict.rule}` });
  return onwards(
    known,
    { ...question, ...(request && { request: { ...request, path } }) },
    { waypoint, service, isHttp, port: to.port, ...('workload' in chain && { workload: chain.workload }) },
    steps,
  );
}

interface Onwards {
  readonly waypoint: Workload;
  readonly service: Service | undefined;
  readonly workload?: Workload;
  readonly isHttp: boolean;
  readonly port: number;
}

/** From the waypoint to the endpoints of whatever the route says. */
function onwards(
  known: KnownMesh,
  { from, request }: Question,
  { waypoint, service, workload, isHttp, port }: Onwards,
  steps: Step[],
): Outcome {
  const { mesh } = known;
  const here = nameOf(waypoint);
  const sent = { from: waypoint, source: firstAddress(waypoint), inClear: false };
  if (service === undefined) return arrivals(mesh, workloadAt(workload, port), sent, steps);
  const routes = tablesFor(known, waypoint.namespace).routes.forService(serviceKey(service), port, { namespace: from.identity.namespace });
  if (routes === undefined || !isHttp || request === undefined || routes.kind === 'tcp' || routes.kind === 'tls') {
    if (routes !== undefined) steps.push({ at: here, says: 'routes of this port decide by weight and server name' });
    return arrivals(mesh, eligibleEndpoints(mesh, service, port, waypoint), sent, steps);
  }
  const taken = routes.match({
    method: request.method,
    path: request.path,
    authority: request.host,
    scheme: 'http',
    headers: request.headers,
  });
  if (taken === undefined) return decided(steps, here, { outcome: 'answered', by: '404: no route matches' });
  steps.push({ at: here, says: `takes rule ${taken.rule.name ?? taken.route}` });
  const answering = taken.rule.filters.find(({ filter }) => filter === 'redirect' || filter === 'respond');
  if (answering !== undefined)
    return decided(steps, here, { outcome: 'answered', by: `${'status' in answering ? answering.status : 200}: ${taken.route}` });
  const backends = taken.rule.backends.filter(({ weight }) => weight > 0);
  if (backends.length === 0) return decided(steps, here, { outcome: 'answered', by: `500: ${taken.route} has no backend` });
  return together(backends.map((backend) => toBackend(known, backend, { total: weightOf(backends), sent }, steps)));
}

interface Sent {
  readonly from: Workload;
  readonly source: Ip;
  /** Whoever receives it learns of no identity. */
  readonly inClear: boolean;
}

function toBackend(
  { mesh }: KnownMesh,
  { to, weight }: Backend,
  { total, sent }: { readonly total: number; readonly sent: Sent },
  steps: Step[],
): Outcome {
  const here = nameOf(sent.from);
  if ('invalid' in to) return decided(steps, here, { outcome: 'answered', by: `500: ${to.invalid}` });
  const service = mesh.service(to.service);
  steps.push({
    at: here,
    says: `${Math.round((weight * 100) / total)} % to ${to.service} port ${to.port}${to.subset === undefined ? '' : `, subset ${to.subset}`}`,
  });
  return arrivals(mesh, service === undefined ? [] : eligibleEndpoints(mesh, service, to.port, sent.from), sent, steps);
}

/** What the tunnel of each endpoint says. */
function arrivals(mesh: KnownMesh['mesh'], endpoints: readonly Upstream[], sent: Sent, steps: Step[]): Outcome {
  if (endpoints.length === 0) return decided(steps, nameOf(sent.from), { outcome: 'refused', by: 'no healthy endpoint' });
  return together(endpoints.map((endpoint) => arrival(mesh, endpoint, sent, steps)));
}

function arrival(mesh: KnownMesh['mesh'], { workload, port }: Upstream, { from, source, inClear }: Sent, steps: Step[]): Outcome {
  const at = nameOf(workload);
  const clear = inClear || workload.protocol === 'TCP';
  if (workload.protocol === 'TCP') {
    steps.push({ at, says: `is not in the mesh: port ${port} is reached in clear, no policy of the mesh is enforced there` });
    return { outcome: 'allowed', by: '' };
  }
  const connection = {
    source: { ip: source },
    destination: { ip: firstAddress(workload), port },
    ...(!clear && { identity: from.identity }),
  };
  const verdict = authorize(mesh, workload, connection);
  const who = clear ? `${source}, in clear` : from.identity.uri;
  if (!verdict.allow)
    return decided(steps, at, { outcome: 'denied', by: verdict.policy ?? verdict.text }, `port ${port} refuses ${who}: ${verdict.text}`);
  const [allowedBy] = verdict.notes.flatMap(({ message, policy }) =>
    message === 'allow policy match' && policy !== undefined ? [policy] : [],
  );
  steps.push({ at, says: `port ${port} lets ${who} in${allowedBy === undefined ? '' : `, by ${allowedBy}`}` });
  return { outcome: 'allowed', by: allowedBy ?? '' };
}

function together(outcomes: readonly Outcome[]): Outcome {
  const [first, ...others] = outcomes;
  if (first === undefined) return { outcome: 'refused', by: 'nobody is there' };
  const by = [...new Set(outcomes.map((each) => each.by).filter((each) => each !== ''))].join('; ');
  return { outcome: others.every(({ outcome }) => outcome === first.outcome) ? first.outcome : 'sometimes', by };
}

function decided(steps: Step[], at: string, outcome: Outcome, says = outcome.by): Outcome {
  steps.push({ at, says });
  return outcome;
}

const refused = (steps: Step[], at: string, why: string): Outcome => decided(steps, at, { outcome: 'refused', by: why });

/** The Gateway behind the waypoint's pod, by the service that the reference names. */
function gatewayOf({ l7 }: KnownMesh, service: Service | undefined, waypoint: Workload): { readonly key: string; readonly class: string } {
  const named = service?.waypoint?.destination ?? waypoint.waypoint?.destination;
  const [gateway] = named !== undefined && 'hostname' in named ? named.hostname.hostname.split('.') : [waypoint.workloadName];
  const settings = l7.get(`waypoint/${waypoint.namespace}/${gateway}`);
  return { key: `${waypoint.namespace}/${gateway}`, class: settings?.is === 'waypoint' ? settings.settings.class : 'istio-waypoint' };
}

const weightOf = (backends: readonly Backend[]): number => backends.reduce((sum, { weight }) => sum + weight, 0);
const workloadAt = (workload: Workload | undefined, port: number): readonly Upstream[] =>
  workload === undefined ? [] : [{ workload, port }];
const firstAddress = ({ addresses }: Workload): Ip => addresses[0] ?? ('0.0.0.0' as Ip);
