// Questions about a world, and whether what was explained is what happened. Pure but for the chance that it is given.
// Used by explain.test.ts: `explain` answers first, then a pod makes the very connection.
import { familyOf, type Ip } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Explanation, Question } from '@ambient-mesh/translate/explain/explanation';
import type { KnownMesh } from '@ambient-mesh/translate/explain/mesh-of';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { entry, pods, servicePorts, services } from './base.ts';
import type { Chance } from './chance.ts';

export interface Asked {
  /** `namespace/name` of the pod. */
  readonly from: string;
  /** What is dialled: `namespace/name` of a pod or service. */
  readonly to: string;
  readonly isService: boolean;
  readonly family: 4 | 6;
  readonly port: number;
  /** Absent: raw TCP. */
  readonly request?: {
    readonly method: string;
    readonly path: string;
    readonly host: string;
    readonly headers: readonly (readonly [string, string])[];
  };
}

export const textOf = ({ from, to, isService, family, port, request }: Asked): string => {
  const what = request && ` ${request.method} ${request.path} ${request.host} ${JSON.stringify(request.headers)}`;
  return `${from} to ${isService ? 'service' : 'pod'} ${to} port ${port} by IPv${family}${what ?? ' raw'}`;
};

/** Where routes lead to and from. */
const favourites = services.filter(({ namespace, name }) => namespace === 'alpha' && name !== 'ill');

const members = pods.filter(({ namespace, isOut }) => namespace !== 'gamma' && isOut !== true);

/** `tokens`: that some requests come with. */
export function randomQuestion(chance: Chance, tokens: readonly string[]): Asked {
  const from = chance.one([...pods, ...members]);
  const isService = chance.percent(82);
  const isOutside = from.namespace === 'gamma' || from.isOut === true;
  // Nobody outside of the mesh has a way to its own addresses: such connections would end in a time-out.
  const reachable = [...services, ...favourites, ...favourites, ...(isOutside ? [] : [entry])];
  const to = isService ? chance.one(reachable) : chance.one(pods.filter((each) => each !== from));
  const isRaw = chance.percent(25);
  const port = isService
    ? chance.one(isRaw ? [servicePorts.tcp] : [servicePorts.http, servicePorts.http, ...(to === entry ? [] : [servicePorts.unsaid])])
    : isRaw
      ? 9090
      : 8080;
  const asked: Asked = {
    from: `${from.namespace}/${from.name}`,
    to: `${to.namespace}/${to.name}`,
    isService,
    family: chance.percent(75) ? 4 : 6,
    port,
  };
  if (isRaw) return asked;
  const headers = [
    ...(chance.percent(40) ? [['x-team', chance.one(['red', 'blue', 'green'])] as const] : []),
    ...(chance.percent(35) ? [['authorization', `Bearer ${chance.one(tokens)}`] as const] : []),
    ...(chance.percent(10) ? [['x-token', `token ${chance.one(tokens)}`] as const] : []),
  ];
  const path = chance.one(['/', '/one', '/one/end', '/two', '/two?v=2', '/onemore', '/%6fne', '/a/b/end']);
  const host = !isService ? 'pod.example.org' : to === entry ? entry.host : `${to.name}.${to.namespace}.svc.cluster.local`;
  return { ...asked, request: { method: chance.one(['GET', 'GET', 'POST']), path, host, headers } };
}

const inFamily = (ips: readonly Ip[], family: 4 | 6): Ip => {
  const found = ips.find((ip) => familyOf(ip) === family);
  if (found === undefined) throw new Error(`no address of IPv${family}`);
  return found;
};

const podCalled = ({ mesh }: KnownMesh, name: string): Workload => {
  const found = [...mesh.workloads()].find((each) => `${each.namespace}/${each.name}` === name);
  if (found === undefined) throw new Error(`${name} is not in the mesh's eyes`);
  return found;
};

export function questionOf(known: KnownMesh, asked: Asked): Question {
  const { from, to, isService, family, port, request } = asked;
  const service = isService ? [...known.mesh.services()].find((each) => `${each.namespace}/${each.name}` === to) : undefined;
  const ips = isService ? (service?.vips.map(({ ip }) => ip) ?? []) : podCalled(known, to).addresses;
  return { from: podCalled(known, from), to: { ip: inFamily(ips, family), port }, now: Date.now(), ...(request && { request }) };
}

/** The same as the pod is told to do it. */
export function orderOf({ to }: Question, { request }: Asked): RequestOrder {
  const at = `${familyOf(to.ip) === 4 ? to.ip : `[${to.ip}]`}:${to.port}`;
  const patience = { timeoutMs: 4_000, count: 2 };
  if (request === undefined) return { url: `tcp://${at}`, ...patience };
  const { method, path, host, headers } = request;
  return {
    url: `http://${at}${path}`,
    method,
    headers: [['host', host], ...headers],
    ...(method === 'POST' && { body: 'x' }),
    ...patience,
  };
}

/** What is wrong with one result; undefined: it was told. */
export function wrongWith({ outcome, status, steps, by }: Explanation, { request }: Asked, result: RequestResult): string | undefined {
  const server = request === undefined ? result.body?.split('\n')[0] : result.seen?.pod;
  const got = server !== undefined ? `an answer of ${server}` : (result.error ?? `status ${result.status}`);
  if (outcome === 'sometimes') return undefined;
  if (outcome === 'allowed') {
    if (server === undefined) return `allowed, but got ${got}`;
    const isNamed = steps.some(({ at }) => at.split(/[ ,]+/).some((name) => name.endsWith(`/${server}`)));
    return isNamed ? undefined : `allowed, but ${server} is not among the endpoints`;
  }
  if (server !== undefined) return `${outcome}, but got ${got}`;
  // Of several reasons each has its own status.
  if (status === undefined && by.includes('; ')) return undefined;
  if (status === undefined) return result.error === undefined ? `${outcome}, but got ${got}` : undefined;
  return result.status === status ? undefined : `${outcome} with ${status}, but got ${got}`;
}
