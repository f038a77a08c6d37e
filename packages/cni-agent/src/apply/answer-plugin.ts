// The agent's answer to the CNI plugin about a pod that is being started: enrolled, not in the mesh, or an error that keeps it from starting
// (facts: control-plane §2.6). Called by the plugin server; the work itself is the queue's, as for every other event.
import type { Ip } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import type { Pod } from '../facts/pod.ts';
import type { Placement } from '../plan/pod-plan.ts';

export interface StartingPod {
  readonly namespace: string;
  readonly pod: string;
  /** As the container runtime calls it; some do not say. */
  readonly uid: string | undefined;
  readonly netns: string;
  readonly ips: readonly Ip[];
}

export interface AnswerPorts {
  /** In what we know from the API server's watch. */
  readonly find: (namespace: string, name: string, uid: string | undefined) => Pod | undefined;
  /** At the API server itself: the runtime may hear of a pod before we do. */
  readonly fetch: (namespace: string, name: string, signal: AbortSignal) => Promise<Pod | undefined>;
  readonly isWanted: (pod: Pod) => boolean;
  /** Whether the labels of the namespace are known: without them nobody can say that a pod is not wanted. */
  readonly knows: (namespace: string) => boolean;
  readonly place: (uid: string, placement: Placement) => void;
  /** Settles as the next attempt at the pod does. */
  readonly run: (uid: string) => Promise<void>;
  readonly clock: Clock;
}

export interface AnswerFault {
  readonly code: 'answer.no-pod' | 'answer.no-namespace' | 'answer.no-address';
}

const watchLag = { every: ms(10), tries: 50, askAfter: 10 };

/** @throws MeshError; the text is shown on the pod, which then does not start and is tried again by its node. */
export async function answerPlugin(asked: StartingPod, ports: AnswerPorts, signal: AbortSignal): Promise<'in-mesh' | 'not-in-mesh'> {
  const pod = await known(asked, ports, signal);
  if (!ports.isWanted(pod)) return 'not-in-mesh';
  if (asked.ips.length === 0) {
    throw new MeshError<AnswerFault>(
      { code: 'answer.no-address' },
      'the pod belongs in the mesh, but the CNI plugins before ours gave it no address',
    );
  }
  ports.place(pod.uid, { netns: asked.netns, ips: asked.ips });
  await unlessAborted(ports.run(pod.uid), signal);
  return 'in-mesh';
}

/**
 * A pod outside the mesh needs no watch to be known by; one that shall be enrolled does, since the queue reads it from there.
 * A runtime that names no uid may mean a new pod while we still know the old one of that name: the API server is asked which it is.
 */
async function known({ namespace, pod: name, uid: told }: StartingPod, ports: AnswerPorts, signal: AbortSignal): Promise<Pod> {
  const { find, fetch, isWanted, knows, clock } = ports;
  let uid = told;
  for (let tries = 0; tries < watchLag.tries; tries++) {
    const found = uid === undefined ? undefined : find(namespace, name, uid);
    if (found !== undefined && (isWanted(found) || knows(namespace))) return found;
    if (tries === (told === undefined ? 0 : watchLag.askAfter)) {
      const fetched = await fetch(namespace, name, signal);
      const isTheOne = told === undefined || told === fetched?.uid || told === fetched?.runtimeUid;
      if (fetched !== undefined && isTheOne && !isWanted(fetched) && knows(namespace)) return fetched;
      uid ??= fetched?.uid;
    }
    await clock.sleep(watchLag.every, signal);
  }
  if (!knows(namespace)) {
    throw new MeshError<AnswerFault>({ code: 'answer.no-namespace' }, `the API server has not told of the namespace ${namespace} yet`);
  }
  const who = `${namespace}/${name}${told === undefined ? '' : ` (${told})`}`;
  throw new MeshError<AnswerFault>({ code: 'answer.no-pod' }, `the API server has not told of the pod ${who} yet`);
}
