// The way that a connection or request would take through the mesh, and who decides about it: computed by the code that tunnels and waypoints run. Pure.
// Called by the CLI and by the graph's server. Here is the client's side; arrival.ts is where it ends, through-waypoint.ts what may be between.
// Where chance decides (endpoints, weights) every possibility is told of.
import { formatSocket, isLoopback, parseIp } from '@ambient-mesh/model/address';
import { eligibleEndpoints } from '@ambient-mesh/model/endpoint-choice';
import { addressAt } from '@ambient-mesh/model/look-up';
import { type Hop, type Need, nextHop, type Refusal } from '@ambient-mesh/model/next-hop';
import type { Service } from '@ambient-mesh/model/service';
import { isAllocated } from '../address-allocation.ts';
import { arrivals } from './arrival.ts';
import {
  addressLike,
  allowed,
  type Explanation,
  ends,
  type Inquiry,
  nameOf,
  type Outcome,
  type Question,
  refused,
  type Step,
  together,
} from './explanation.ts';
import type { KnownMesh } from './mesh-of.ts';
import { throughWaypoint } from './through-waypoint.ts';
import { isWaypoint } from './waypoint-rules.ts';

export function explain(known: KnownMesh, question: Question): Explanation {
  const steps: Step[] = [];
  const inquiry = { known, question, steps };
  return { steps, ...wayOf(inquiry) };
}

function wayOf(inquiry: Inquiry): Outcome {
  const { from, to } = inquiry.question;
  const here = nameOf(from);
  if (isLoopback(to.ip) || from.addresses.includes(to.ip))
    return ends(inquiry, here, allowed, `${formatSocket(to)} is the pod itself: the connection never leaves it, and no policy sees it`);
  if (from.nativeTunnel || isWaypoint(inquiry.known, from)) return fromTunnel(inquiry);
  if (from.protocol === 'TCP') return fromOutside(inquiry);
  return fromInside(inquiry);
}

/** The client is not in the mesh: nobody captures it, and nobody knows who it is. */
function fromOutside(inquiry: Inquiry): Outcome {
  const { known, question, steps } = inquiry;
  const { from, to } = question;
  const here = nameOf(from);
  const found = addressAt(known.mesh, from.network, to.ip);
  const service = found?.service;
  const past = service?.waypoint === undefined && found?.workload?.waypoint === undefined ? '' : ', past the waypoint';
  steps.push({ at: here, says: `is not in the mesh: connects to ${meant(question, service)} in clear${past}` });
  if (found === undefined) return ends(inquiry, here, allowed, `${formatSocket(to)} is not known to the mesh, which has no say in it`);
  if (service !== undefined && isAllocated(to.ip))
    return ends(inquiry, here, refused(`the mesh gave ${service.hostname} the address ${to.ip}: nobody outside of the mesh can reach it`));
  const endpoints =
    found.workload !== undefined
      ? [{ workload: found.workload, port: to.port }]
      : eligibleEndpoints(known.mesh, found.service, to.port, from);
  if (endpoints.length === 0) return ends(inquiry, here, refused(nobody(inquiry, found.service)));
  return together(arrivals(inquiry, endpoints, { from, like: to.ip, inClear: true }));
}

/** A proxy with tunnels of its own, such as a waypoint: it is nobody's client but its own, and goes to endpoints directly. */
function fromTunnel(inquiry: Inquiry): Outcome {
  const { known, question, steps } = inquiry;
  const { from, to } = question;
  const found = addressAt(known.mesh, from.network, to.ip, from.namespace);
  steps.push({ at: nameOf(from), says: `opens tunnels by itself: connects to ${meant(question, found?.service)} as it sees fit` });
  if (found === undefined) return allowed;
  const endpoints =
    found.workload !== undefined
      ? [{ workload: found.workload, port: to.port }]
      : eligibleEndpoints(known.mesh, found.service, to.port, from);
  if (endpoints.length === 0) return ends(inquiry, nameOf(from), refused(nobody(inquiry, found.service)));
  return together(arrivals(inquiry, endpoints, { from, like: to.ip, inClear: false }));
}

function fromInside(inquiry: Inquiry): Outcome {
  const hops = hopsOf(inquiry);
  return together(hops.map(({ hop, share }) => along(inquiry, hop, share)));
}

type Next = Hop | Refusal | Need;

interface Possible {
  readonly hop: Next;
  /** Per cent of connections that go this way. */
  readonly share: number;
}

/** Chances are weighed by trying them: this many draws tell one per cent from another. */
const draws = 200;
/** Stands for whatever a name resolves to (RFC 5737). */
const somewhere = parseIp('192.0.2.1');

/** Every way that the node tunnel may choose, by what happens next: endpoints of one service count as one way. */
function hopsOf({ known, question }: Inquiry): readonly Possible[] {
  const { from, to } = question;
  const ways = new Map<string, { hop: Next; count: number }>();
  const sourceIp = addressLike(from, to.ip) ?? to.ip;
  for (let draw = 0; draw < draws; draw++) {
    const request = { source: from, sourceIp, destination: to, network: from.network, random: () => (draw + 0.5) / draws };
    let hop: Next = nextHop(known.mesh, request);
    if ('need' in hop && hop.need === 'dns' && somewhere !== undefined)
      hop = nextHop(known.mesh, { ...request, resolved: new Map([[hop.hostname, [somewhere]]]) });
    const key = wayKey(hop);
    const way = ways.get(key);
    if (way === undefined) ways.set(key, { hop, count: 1 });
    else way.count++;
  }
  return [...ways.values()].map(({ hop, count }) => ({ hop, share: (count * 100) / draws }));
}

function wayKey(hop: Next): string {
  if (!('by' in hop)) return 'refuse' in hop ? hop.text : 'need';
  if (hop.by === 'passthrough') return 'passthrough';
  if (hop.by === 'double-hbone') return `gateway ${hop.workload.uid}`;
  if (hop.by === 'hbone' && !hop.direct) return `waypoint ${hop.workload.namespace}/${hop.workload.workloadName}`;
  return hop.service === undefined ? `workload ${hop.workload.uid}` : 'endpoints';
}

function along(inquiry: Inquiry, hop: Next, share: number): Outcome {
  const { known, question, steps } = inquiry;
  const { from, to } = question;
  const here = nameOf(from);
  if ('need' in hop) return ends(inquiry, here, refused('the mesh does not know how to reach it'));
  if ('refuse' in hop) {
    const why = hop.refuse === 'no healthy upstream' ? nobody(inquiry, serviceAt(inquiry)) : hop.text;
    return ends(inquiry, here, refused(why));
  }
  const target = meant(question, hop.service);
  const chance = share === 100 ? '' : ` (${Math.round(share)} % of connections)`;
  switch (hop.by) {
    case 'passthrough':
      return ends(
        inquiry,
        here,
        allowed,
        `${formatSocket(to)} is not known to the mesh: goes there in clear, and the mesh has no say in it`,
      );
    case 'double-hbone':
      steps.push({ at: here, says: `${target} is on another network: by mutual TLS to its gateway ${nameOf(hop.workload)}${chance}` });
      return ends(inquiry, nameOf(hop.workload), allowed, 'passes it on into its own network, which decides the rest');
    case 'tcp':
    case 'hbone':
      break;
    default:
      return hop satisfies never;
  }
  if (hop.by === 'hbone' && !hop.direct) {
    steps.push({ at: here, says: `${target} has a waypoint: by mutual TLS to ${nameOf(hop.workload)}${chance}` });
    return throughWaypoint(inquiry, { self: hop.workload, selfIp: hop.to.ip });
  }
  const { service, workload } = hop;
  const trouble = service && known.unbound.get(nameOf(service));
  const between = trouble === undefined ? 'no waypoint is between' : `no waypoint is between, since ${trouble}`;
  steps.push({ at: here, says: `goes to ${target} directly: ${between}${chance}` });
  const all = service === undefined ? [{ workload, port: to.port }] : eligibleEndpoints(known.mesh, service, to.port, from);
  const near = all.filter((endpoint) => endpoint.workload.network === from.network);
  return together(arrivals(inquiry, near, { from, like: to.ip, inClear: false }));
}

const serviceAt = ({ known, question: { from, to } }: Inquiry): Service | undefined =>
  known.mesh.serviceAt(from.network, to.ip, { clientNamespace: from.namespace });

/** Why nobody serves it. */
function nobody({ known, question }: Inquiry, service: Service | undefined): string {
  const { port } = question.to;
  if (service === undefined) return 'nobody is there';
  if (!service.ports.has(port)) return `${service.hostname} has no port ${port}, only ${[...service.ports.keys()].join(', ') || 'none'}`;
  const behind = [...known.mesh.workloads()].filter((each) => known.mesh.isMember(service, each));
  if (behind.length === 0) return `${service.hostname} has no endpoints`;
  const unhealthy = behind.filter(({ health }) => health === 'Unhealthy').length;
  if (unhealthy === behind.length) return `none of the ${behind.length} endpoints of ${service.hostname} is ready`;
  return `none of the endpoints of ${service.hostname} can serve port ${port}`;
}

const meant = ({ to }: Question, service: Service | undefined): string =>
  service === undefined ? formatSocket(to) : `${service.hostname} port ${to.port}`;
