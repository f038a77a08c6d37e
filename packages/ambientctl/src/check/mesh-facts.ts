// What there is to know of a mesh that is installed: all objects, what its proxies hold, and what the control plane says of them. Judged by the files beside it.
// Proxies are asked over port-forwards, a few at a time; of what they answer only what is judged is kept.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Ms } from '@ambient-mesh/runtime/time';
import { askAdmin } from '../admin-page.ts';
import { liveManifest } from '../analyze/manifest.ts';
import { type World, worldOf } from '../analyze/world.ts';
import { parsedJson } from '../files.ts';
import { labelOf, type MeshPod, runningPods } from '../pods.ts';
import { type ClientStatus, clientsIn } from '../proxy-status/client-status.ts';
import { attempt, type Found } from './cluster-facts.ts';

export interface MeshFacts {
  readonly now: Ms;
  readonly systemNamespace: string;
  readonly world: World;
  readonly proxies: readonly AskedProxy[];
  /** Of all control planes together. */
  readonly clients: Found<readonly ClientStatus[]>;
  /** What node agents say of pods that they could not enrol, by `namespace/name`; the newest. */
  readonly notEnrolled: ReadonlyMap<string, string>;
}

export interface AskedProxy {
  readonly kind: 'ztunnel' | 'waypoint';
  readonly pod: MeshPod;
  readonly held: Found<Held>;
}

export interface Held {
  readonly certificates: readonly RawObject[];
  /** Uids of the pods that a ztunnel serves. */
  readonly pods: ReadonlySet<string>;
}

const adminPort = 15_000;
const atOnce = 8;

/** @throws what the client throws when objects cannot be listed; what proxies do not answer is part of the facts */
export async function meshFacts(client: KubeClient, systemNamespace: string, now: Ms, signal: AbortSignal): Promise<MeshFacts> {
  const [manifest, ztunnels, waypoints, notEnrolled] = await Promise.all([
    liveManifest(client, signal),
    runningPods(client, { namespace: systemNamespace, labelSelector: labelOf.ztunnel }, signal),
    runningPods(client, { labelSelector: labelOf.waypoint }, signal),
    agentsSay(client, signal),
  ]);
  const wanted = [
    ...ztunnels.map((pod) => ({ kind: 'ztunnel', pod }) as const),
    ...waypoints.map((pod) => ({ kind: 'waypoint', pod }) as const),
  ];
  const proxies = await inTurns(wanted, async (each) => ({ ...each, held: await attempt(heldBy(client, each.pod, signal)) }));
  const clients = await attempt(clientsOf(client, systemNamespace, signal));
  signal.throwIfAborted();
  return { now, systemNamespace, world: worldOf(manifest, { isLive: true, systemNamespace }), proxies, clients, notEnrolled };
}

async function heldBy(client: KubeClient, pod: MeshPod, signal: AbortSignal): Promise<Held> {
  const page = parsedJson(await askAdmin(client, pod, { port: adminPort, method: 'GET', path: '/config_dump' }, signal));
  const { certificates, workloadState } = objectOf(page);
  return { certificates: objectsOf(certificates), pods: new Set(Object.keys(objectOf(workloadState))) };
}

async function clientsOf(client: KubeClient, namespace: string, signal: AbortSignal): Promise<readonly ClientStatus[]> {
  const istiods = await runningPods(client, { namespace, labelSelector: labelOf.controlPlane }, signal);
  const pages = await inTurns(istiods, async (pod) => {
    const page = await askAdmin(client, pod, { port: adminPort, method: 'GET', path: '/debug/clients' }, signal);
    const clients = clientsIn(page, pod.name);
    if (clients === undefined) throw new TypeError(`${pod.name} has no page of clients that can be read`);
    return clients;
  });
  return pages.flat();
}

/** Events are hints: whoever may not see them is told less. */
async function agentsSay(client: KubeClient, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const path = '/api/v1/events';
  const asked = { verb: 'list', about: 'events', method: 'GET', path, query: { fieldSelector: 'reason=NotEnrolled' } } as const;
  const answer = await attempt(client.request(asked, { signal }));
  const events = 'found' in answer ? objectsOf(objectOf(answer.found).items) : [];
  const told = events.filter(({ reason }) => reason === 'NotEnrolled').toSorted((a, b) => (whenOf(a) < whenOf(b) ? -1 : 1));
  return new Map(told.map(({ involvedObject, message }) => [nameOf(objectOf(involvedObject)), textOf(message)]));
}

const nameOf = ({ namespace, name }: RawObject): string => `${textOf(namespace)}/${textOf(name)}`;
const whenOf = ({ eventTime, lastTimestamp, metadata }: RawObject): string =>
  textOf(eventTime) || textOf(lastTimestamp) || textOf(objectOf(metadata).creationTimestamp);

async function inTurns<T, R>(all: readonly T[], one: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += atOnce) results.push(...(await Promise.all(all.slice(at, at + atOnce).map(one))));
  return results;
}
