// A pod's status as the API should have it, told from the states of its containers. Pure.
// Called by pod-run.ts after every change.
import type { Container, Pod } from '../objects.ts';
import type { PodPlace } from './environment.ts';

export interface Ended {
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export type ContainerState =
  | { readonly at: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly at: 'running'; readonly startedAt: string }
  | ({ readonly at: 'ended' } & Ended);

export interface ContainerFacts {
  readonly spec: Container;
  readonly id: string;
  readonly state: ContainerState;
  readonly last: Ended | undefined;
  readonly restarts: number;
  readonly ready: boolean;
}

export interface PodFacts {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly startTime: string;
  readonly init: readonly ContainerFacts[];
  readonly containers: readonly ContainerFacts[];
  /** Whether the pod has a network. */
  readonly hasNetwork: boolean;
  readonly now: string;
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export function statusOf(facts: PodFacts): object {
  const { place, startTime, init, containers, hasNetwork } = facts;
  const phase = phaseOf(facts);
  const hasEnded = phase === 'Succeeded' || phase === 'Failed';
  const isInitialized = init.every(({ state }) => state.at === 'ended' && state.exitCode === 0);
  const isReady = !hasEnded && isInitialized && containers.every(({ ready }) => ready);
  const unready = hasEnded ? `Pod${phase === 'Succeeded' ? 'Completed' : 'Failed'}` : 'ContainersNotReady';
  const conditions = [
    condition(facts, 'PodScheduled', true),
    condition(facts, 'Initialized', isInitialized, 'ContainersNotInitialized'),
    condition(facts, 'ContainersReady', isReady, unready),
    condition(facts, 'Ready', isReady, unready),
  ];
  const ips = place.podIps.map((ip) => ({ ip }));
  return {
    phase,
    startTime,
    conditions,
    hostIP: place.hostIps[0],
    hostIPs: place.hostIps.map((ip) => ({ ip })),
    ...(hasNetwork && { podIP: place.podIps[0], podIPs: ips }),
    ...(init.length > 0 && { initContainerStatuses: init.map(containerStatus) }),
    containerStatuses: containers.map(containerStatus),
  };
}

function phaseOf({ pod, init, containers }: PodFacts): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  if (init.some(({ state }) => state.at === 'ended' && state.exitCode !== 0) && policy === 'Never') return 'Failed';
  const isOver = ({ state }: ContainerFacts): boolean =>
    state.at === 'ended' && (policy === 'Never' || (policy === 'OnFailure' && state.exitCode === 0));
  if (containers.length > 0 && containers.every(isOver))
    return containers.every(({ state }) => state.at === 'ended' && state.exitCode === 0) ? 'Succeeded' : 'Failed';
  const hasStarted = containers.every(({ state, last }) => state.at !== 'waiting' || last !== undefined);
  return hasStarted ? 'Running' : 'Pending';
}

function condition({ pod, now }: PodFacts, type: string, holds: boolean, reason?: string): object {
  const status = holds ? 'True' : 'False';
  const before = pod.status?.conditions?.find((each) => each.type === type);
  const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? now) : now;
  return { type, status, lastTransitionTime, ...(!holds && reason !== undefined && { reason }) };
}

function containerStatus({ spec, id, state, last, restarts, ready }: ContainerFacts): object {
  return {
    name: spec.name,
    image: spec.image,
    imageID: spec.image,
    containerID: id === '' ? '' : `lab://${id}`,
    ready,
    started: state.at === 'running',
    restartCount: restarts,
    state: stateOf(state, id),
    lastState: last === undefined ? {} : { terminated: terminated(last, id) },
  };
}

function stateOf(state: ContainerState, id: string): object {
  switch (state.at) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) } };
    case 'running':
      return { running: { startedAt: state.startedAt } };
    case 'ended':
      return { terminated: terminated(state, id) };
    default:
      return state satisfies never;
  }
}

const terminated = ({ exitCode, startedAt, finishedAt }: Ended, id: string): object => ({
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAt,
  finishedAt,
  containerID: `lab://${id}`,
});
