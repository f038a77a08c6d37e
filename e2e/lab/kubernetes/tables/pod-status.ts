// What the STATUS, READY and RESTARTS columns say of a pod: the phase, or the reason why a container is not running.
// Used by printers.ts; the rules are those of the API server's own printer.

import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import { ageOf } from './age.ts';

export interface PodSummary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
}

interface Container {
  readonly status: JsonObject;
  /** An init container that keeps running beside the others. */
  readonly isSidecar: boolean;
}

interface Restarts {
  count: number;
  /** RFC 3339 of the last one; empty when none is known. */
  last: string;
}

export function podSummary(pod: Readonly<KubeObject>, now: number): PodSummary {
  const init = initContainers(pod);
  const main = listAt(pod.status, 'containerStatuses').filter(isObject);
  const isReady = (status: JsonObject): boolean => status.ready === true && isObject(mapAt(status.state).running);
  const stuck = initProblem(init, listAt(pod.spec, 'initContainers').length);
  const isInitialized = stuck === undefined || conditionOf(pod, 'Initialized') === 'True';
  const sidecars = init.filter(({ isSidecar }) => isSidecar);
  const readySidecars = sidecars.filter(({ status }) => status.started === true && status.ready === true).length;
  const ready = readySidecars + (isInitialized ? main.filter(isReady).length : 0);
  const restarts: Restarts = { count: 0, last: '' };
  for (const { status } of isInitialized ? sidecars : init) addRestarts(restarts, status);
  if (isInitialized) for (const status of main) addRestarts(restarts, status);
  const first = textAt(pod.status, 'reason') ?? textAt(pod.status, 'phase') ?? '';
  const running = isInitialized ? mainReason(pod, main, stuck ?? first, main.some(isReady)) : (stuck ?? first);
  const total = listAt(pod.spec, 'containers').length + sidecarCount(pod);
  return {
    ready: `${ready}/${total}`,
    status: ending(pod) ?? running,
    restarts: restarts.count > 0 && restarts.last !== '' ? `${restarts.count} (${ageOf(restarts.last, now)} ago)` : String(restarts.count),
  };
}

const isSidecar = (container: Json | undefined): boolean => mapAt(container).restartPolicy === 'Always';
const sidecarCount = (pod: Readonly<KubeObject>): number => listAt(pod.spec, 'initContainers').filter(isSidecar).length;

function initContainers(pod: Readonly<KubeObject>): readonly Container[] {
  const specs = listAt(pod.spec, 'initContainers');
  return listAt(pod.status, 'initContainerStatuses')
    .filter(isObject)
    .map((status) => ({ status, isSidecar: isSidecar(specs.find((spec) => mapAt(spec).name === status.name)) }));
}

/** Why the first unfinished init container holds the pod up. */
function initProblem(containers: readonly Container[], total: number): string | undefined {
  for (const [i, { status, isSidecar }] of containers.entries()) {
    const { terminated, waiting } = mapAt(status.state);
    if (isObject(terminated) && terminated.exitCode === 0) continue;
    if (isSidecar && status.started === true) continue;
    if (isObject(terminated)) return `Init:${endReason(terminated)}`;
    const why = textAt(waiting, 'reason') ?? '';
    return why !== '' && why !== 'PodInitializing' ? `Init:${why}` : `Init:${i}/${total}`;
  }
  return undefined;
}

function mainReason(pod: Readonly<KubeObject>, statuses: readonly JsonObject[], first: string, someRun: boolean): string {
  let reason = first;
  for (const { state } of statuses.toReversed()) {
    const { waiting, terminated } = mapAt(state);
    const why = textAt(waiting, 'reason') ?? '';
    if (why !== '') reason = why;
    else if (isObject(terminated)) reason = endReason(terminated);
  }
  if (reason !== 'Completed' || !someRun) return reason;
  return conditionOf(pod, 'Ready') === 'True' ? 'Running' : 'NotReady';
}

function endReason(terminated: JsonObject): string {
  const reason = textAt(terminated, 'reason') ?? '';
  if (reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal === 0 ? `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}` : `Signal:${signal}`;
}

function ending({ metadata, status }: Readonly<KubeObject>): string | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (textAt(status, 'reason') === 'NodeLost') return 'Unknown';
  const phase = textAt(status, 'phase');
  return phase === 'Succeeded' || phase === 'Failed' ? undefined : 'Terminating';
}

function addRestarts(restarts: Restarts, status: JsonObject): void {
  restarts.count += numberAt(status, 'restartCount') ?? 0;
  const finished = textAt(status, 'lastState', 'terminated', 'finishedAt') ?? '';
  if (finished > restarts.last) restarts.last = finished;
}

/** The condition's status: `True`, `False`, `Unknown`; undefined when there is none of that type. */
export function conditionOf({ status }: Readonly<KubeObject>, type: string): string | undefined {
  return textAt(
    listAt(status, 'conditions').find((each) => mapAt(each).type === type),
    'status',
  );
}
