// Whether a Gateway is ours, and what is to be deployed for it: objects, nothing, or a mistake that its status tells. Pure (facts: control-plane §5.3-5.4).
// Called by reconcile.ts for each Gateway; what the objects are is in objects.ts.
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import { meshController, unmanagedController } from './gateway-class.ts';
import { type WantedObject, waypointObjects } from './objects.ts';
import type { DeploySettings } from './order.ts';
import { overlaysOf, type Parameters } from './parameters.ts';

/** Of this generation of the controller; a Gateway that a later one has taken is left to it. */
export const controllerVersion = 5;
export const versionAnnotation = 'gateway.istio.io/controller-version';

export type Plan =
  /** Somebody else's: not a word. */
  | { readonly do: 'leave' }
  /** Only its status: what it stands for is made by others. */
  | { readonly do: 'tell' }
  | { readonly do: 'refuse'; readonly reason: 'InvalidParameters' | 'UnsupportedAddress'; readonly message: string }
  | { readonly do: 'deploy'; readonly objects: readonly WantedObject[] };

export interface PlanFacts {
  readonly gateway: Gateway;
  /** Of its class. */
  readonly controller: string | undefined;
  /** Revisions and tags that this control plane answers to. */
  readonly revisions: ReadonlySet<string>;
  readonly settings: DeploySettings;
  readonly network: string;
  /** `namespace/name`. */
  readonly parameters: (key: string) => Parameters | undefined;
  /** Of the Gateway's class, if there are any. */
  readonly defaults: Parameters | undefined;
}

export function plan(facts: PlanFacts): Plan {
  const { gateway, controller, settings, network } = facts;
  if (!isOurs(facts)) return { do: 'leave' };
  if (controller === unmanagedController || isMadeByHand(gateway)) return { do: 'tell' };
  const strange = gateway.wanted.find(({ type }) => type !== 'IPAddress');
  if (strange !== undefined) return refuse('UnsupportedAddress', `addresses of type ${strange.type} are not supported`);
  const parameters = parametersOf(facts);
  if ('mistake' in parameters) return refuse('InvalidParameters', parameters.mistake);
  const overlays = overlaysOf(parameters.ok);
  if ('mistake' in overlays) return refuse('InvalidParameters', overlays.mistake);
  const objects = waypointObjects({ gateway, settings, network, overlays: overlays.ok });
  return 'mistake' in objects ? refuse('InvalidParameters', objects.mistake) : { do: 'deploy', objects: objects.ok };
}

const refuse = (reason: 'InvalidParameters' | 'UnsupportedAddress', message: string): Plan => ({ do: 'refuse', reason, message });

function isOurs({ gateway: { meta }, controller, revisions }: PlanFacts): boolean {
  if (controller !== meshController && controller !== unmanagedController) return false;
  if (Number(meta.annotations[versionAnnotation] ?? 0) > controllerVersion) return false;
  return revisions.has(meta.labels['istio.io/rev'] ?? 'default');
}

/** A host, or several addresses: the user says where the proxy is, and has made it. */
export const isMadeByHand = ({ wanted }: Gateway): boolean => wanted.length > 1 || wanted[0]?.type === 'Hostname';

/** The class's come first, so that the Gateway's own win. */
function parametersOf({ gateway, parameters, defaults }: PlanFacts): { readonly ok: readonly Parameters[] } | { readonly mistake: string } {
  const all = defaults === undefined ? [] : [defaults];
  const ref = gateway.infrastructure.parameters;
  if (ref === undefined) return { ok: all };
  if (ref.group !== '' || ref.kind !== 'ConfigMap')
    return { mistake: `parametersRef names a ${ref.kind}, but only a ConfigMap can say how a waypoint is deployed` };
  const own = parameters(`${gateway.meta.namespace}/${ref.name}`);
  return own === undefined
    ? { mistake: `ConfigMap ${gateway.meta.namespace}/${ref.name} of parametersRef does not exist` }
    : { ok: [...all, own] };
}

/** The ConfigMap with a class's defaults: one is expected, and of several the oldest counts. */
export function defaultsFor(className: string, systemNamespace: string, all: Iterable<Parameters>): Parameters | undefined {
  const found = [...all].filter((each) => each.defaultsFor === className && each.namespace === systemNamespace);
  const order = ({ createdAt, name }: Parameters): string => `${createdAt} ${name}`;
  return found.toSorted((a, b) => (order(a) < order(b) ? -1 : 1))[0];
}
