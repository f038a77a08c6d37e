// The status of a Gateway of ours: whether it is accepted and programmed, where it is reached, and what is wrong with its listeners. Pure (facts: control-plane §4.6).
// Called by reconcile.ts, which knows what was deployed and what is ready, and writes it.
import type { Condition } from '@ambient-mesh/kube/status';
import type { Gateway, GatewayAddress, GatewayListener } from '@ambient-mesh/translate/kinds/gateway';
import type { Plan } from './plan.ts';

/** A Service behind a Gateway. */
export interface Front {
  /** `waypoint.default.svc.cluster.local` */
  readonly host: string;
  readonly exists: boolean;
  /** Whether any endpoint is ready. */
  readonly ready: boolean;
  readonly clusterIps: readonly string[];
}

export interface StatusFacts {
  readonly gateway: Gateway;
  readonly plan: Exclude<Plan, { readonly do: 'leave' }>;
  /** It stands for something elsewhere. */
  readonly isRemote: boolean;
  readonly fronts: readonly Front[];
  /** What the API server said to the objects, if it refused any. */
  readonly failure: string | undefined;
}

export interface GatewayStatus {
  readonly conditions: readonly Condition[];
  readonly addresses: readonly GatewayAddress[];
  readonly listeners: readonly ListenerStatus[];
}

export interface ListenerStatus {
  readonly name: string;
  /** Routes are attached to services, not to the listeners of a waypoint. */
  readonly attachedRoutes: 0;
  readonly supportedKinds: readonly never[];
  readonly conditions: readonly Condition[];
}

const hbonePort = 15_008;

/** Times of transition are the writer's affair. */
export function gatewayStatus(facts: StatusFacts): GatewayStatus {
  const { gateway, isRemote } = facts;
  const mistakes = isRemote ? [] : listenerMistakes(gateway.listeners);
  const addresses = addressesOf(facts);
  const { generation } = gateway.meta;
  const stamped = (condition: Condition): Condition => ({ ...condition, observedGeneration: generation });
  return {
    conditions: [accepted(facts, mistakes), programmed(facts, mistakes)].map(stamped),
    addresses,
    listeners: gateway.listeners.map(({ name }, at) => ({
      name,
      attachedRoutes: 0,
      supportedKinds: [],
      conditions: listenerConditions(mistakes[at]).map(stamped),
    })),
  };
}

/** By place in the list; a waypoint has exactly one listener, for tunnels. */
function listenerMistakes(listeners: readonly GatewayListener[]): readonly (string | undefined)[] {
  const isTunnel = ({ port, protocol }: GatewayListener): boolean => port === hbonePort && protocol === 'HBONE';
  const first = listeners.findIndex(isTunnel);
  return listeners.map((listener, at) => {
    if (!isTunnel(listener))
      return `a waypoint listens on port ${hbonePort} with protocol HBONE, but this listener has port ${listener.port} and protocol ${listener.protocol}`;
    return at === first ? undefined : 'a waypoint has exactly one listener';
  });
}

const condition = (type: string, isTrue: boolean, reason: string, message: string): Condition => ({
  type,
  status: isTrue ? 'True' : 'False',
  reason,
  message,
});

function accepted({ plan }: StatusFacts, mistakes: readonly (string | undefined)[]): Condition {
  if (plan.do === 'refuse') return condition('Accepted', false, plan.reason, plan.message);
  const wrong = mistakes.find((each) => each !== undefined);
  if (wrong === undefined) return condition('Accepted', true, 'Accepted', 'Resource accepted');
  return condition('Accepted', mistakes.includes(undefined), 'ListenersNotValid', wrong);
}

function programmed({ gateway, plan, isRemote, fronts, failure }: StatusFacts, mistakes: readonly (string | undefined)[]): Condition {
  const not = (reason: string, message: string): Condition => condition('Programmed', false, reason, message);
  if (isRemote) return condition('Programmed', true, 'Programmed', 'Resource programmed, it stands for a gateway elsewhere');
  if (plan.do === 'refuse') return not('Invalid', plan.message);
  if (mistakes.length > 0 && !mistakes.includes(undefined)) return not('Invalid', 'no listener is valid');
  if (failure !== undefined) return not('Invalid', failure);
  if (fronts.length === 0) return not('AddressNotUsable', 'an address that was made by hand must be the host name of a Service');
  const missing = fronts.find(({ exists }) => !exists);
  if (missing !== undefined) return not('AddressNotAssigned', `Service ${missing.host} does not exist`);
  const waiting = fronts.find(({ ready }) => !ready);
  if (waiting !== undefined) return not('Pending', `no pod behind Service ${waiting.host} is ready`);
  const port = gateway.listeners.find(({ protocol }) => protocol === 'HBONE')?.port ?? hbonePort;
  const assigned = fronts.map(({ host }) => `${host}:${port}`).join(', ');
  return condition('Programmed', true, 'Programmed', `Resource programmed, assigned to service(s) ${assigned}`);
}

/** Told once something has been ready, and never taken back: callers must fail rather than go around a waypoint that is gone. */
function addressesOf({ gateway, isRemote, fronts }: StatusFacts): readonly GatewayAddress[] {
  if (isRemote) return gateway.wanted;
  const ready = fronts.filter((front) => front.ready && front.exists);
  if (ready.length === 0) return gateway.addresses;
  const isIp = (ip: string): boolean => ip !== '' && ip !== 'None';
  return ready
    .flatMap(({ host, clusterIps }) => [
      { type: 'Hostname', value: host },
      ...clusterIps.filter(isIp).map((value) => ({ type: 'IPAddress', value })),
    ])
    .slice(0, 16);
}

function listenerConditions(mistake: string | undefined): readonly Condition[] {
  const valid = mistake === undefined;
  return [
    valid ? condition('Accepted', true, 'Accepted', 'No errors found') : condition('Accepted', false, 'UnsupportedProtocol', mistake),
    valid ? condition('Programmed', true, 'Programmed', 'No errors found') : condition('Programmed', false, 'Invalid', mistake),
    condition('ResolvedRefs', true, 'ResolvedRefs', 'No errors found'),
    condition('Conflicted', false, 'NoConflicts', 'No errors found'),
  ];
}
