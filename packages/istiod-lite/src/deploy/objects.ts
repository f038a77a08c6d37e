// What is deployed for a waypoint: its account, Deployment and Service, and scaling and protection where the user asks for them (facts: control-plane §5.3). Pure.
// Called by plan.ts; pod.ts has the pod. What users lay over the objects comes last and may change anything but names.
import { objectOf, type RawObject } from '@ambient-mesh/kube/raw';
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import type { Labels } from '@ambient-mesh/translate/kinds/meta';
import { accountOf, gatewayLabel, managedLabel, managedValue, nameOf, networkLabel, type WaypointOrder } from './order.ts';
import { overlay } from './overlay.ts';
import { type Part, parts } from './parameters.ts';
import { podTemplate } from './pod.ts';

const classLabel = 'gateway.networking.k8s.io/gateway-class-name';

export interface WantedObject {
  readonly part: Part;
  readonly name: string;
  readonly body: RawObject;
}

/** Annotations of a Gateway that are about the Gateway itself. */
const kept: ReadonlySet<string> = new Set([
  'gateway.istio.io/name-override',
  'gateway.istio.io/service-account',
  'gateway.istio.io/controller-version',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

/** What the Gateway hands down to all that is made for it. */
function handedDown({ gateway: { meta, infrastructure, className }, network }: Pick<WaypointOrder, 'gateway' | 'network'>): {
  readonly labels: Labels;
  readonly annotations: Labels;
} {
  const isSaid = infrastructure.parameters !== undefined || hasAny(infrastructure.labels) || hasAny(infrastructure.annotations);
  const from = isSaid ? infrastructure : meta;
  const foreign = ([key]: [string, string]): boolean => !key.startsWith('gateway.networking.k8s.io/');
  const labels = Object.fromEntries(Object.entries(from.labels).filter(foreign));
  return {
    labels: {
      ...(network !== '' && { [networkLabel]: network }),
      ...labels,
      [gatewayLabel]: meta.name,
      [classLabel]: className,
      [managedLabel]: managedValue,
    },
    annotations: Object.fromEntries(Object.entries(from.annotations).filter((each) => foreign(each) && !kept.has(each[0]))),
  };
}

const hasAny = (labels: Labels): boolean => Object.keys(labels).length > 0;

/** In the order in which they are applied; the mistake is one of the overlays. */
export function waypointObjects(order: WaypointOrder): { readonly ok: readonly WantedObject[] } | { readonly mistake: string } {
  const wanted: WantedObject[] = [];
  for (const part of parts) {
    const overlays = order.overlays[part];
    if (overlays.length === 0 && (part === 'horizontalPodAutoscaler' || part === 'podDisruptionBudget')) continue;
    const name = part === 'serviceAccount' ? accountOf(order.gateway) : nameOf(order.gateway);
    let body = plainObject(part, name, order);
    for (const patch of overlays) {
      const laid = overlay(body, patch);
      if ('mistake' in laid) return { mistake: `the overlay of ${part} ${laid.mistake}` };
      body = laid.ok;
    }
    const changed = renamed(body, order.gateway.meta.namespace, name);
    if (changed !== undefined) return { mistake: `the overlay of ${part} may not change ${changed}` };
    wanted.push({ part, name, body });
  }
  return { ok: wanted };
}

/** The field that says something else than before, if any. */
function renamed({ metadata }: RawObject, namespace: string, name: string): string | undefined {
  const said = objectOf(metadata);
  if (said.name !== undefined && said.name !== name) return 'metadata.name';
  return said.namespace === undefined || said.namespace === namespace ? undefined : 'metadata.namespace';
}

function plainObject(part: Part, name: string, order: WaypointOrder): RawObject {
  const { labels, annotations } = handedDown(order);
  const { uid, name: gateway } = order.gateway.meta;
  const ownerReferences = [{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: gateway, uid }];
  const metadata = { labels, annotations, ownerReferences };
  const matchLabels = { [gatewayLabel]: gateway };
  switch (part) {
    case 'serviceAccount':
      return { metadata };
    case 'deployment':
      return {
        metadata,
        spec: { selector: { matchLabels }, template: podTemplate(order, { labels, annotations }) },
      };
    case 'service':
      return {
        metadata: { ...metadata, annotations: { 'networking.istio.io/traffic-distribution': 'PreferClose', ...annotations } },
        spec: serviceSpec(order.gateway),
      };
    case 'horizontalPodAutoscaler':
      return { metadata, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, maxReplicas: 1 } };
    case 'podDisruptionBudget':
      return { metadata, spec: { selector: { matchLabels } } };
    default:
      return part satisfies never;
  }
}

function serviceSpec({ meta, wanted, listeners }: Gateway): RawObject {
  const type = meta.annotations['networking.istio.io/service-type'] || 'ClusterIP';
  const status = { name: 'status-port', port: 15_021, protocol: 'TCP', appProtocol: 'tcp' };
  const open = listeners.filter(({ port }, at) => port !== status.port && listeners.findIndex((each) => each.port === port) === at);
  const ports = open.map(({ name, port, protocol }) => ({ name, port, protocol: 'TCP', appProtocol: protocol.toLowerCase() }));
  const ip = wanted[0]?.value;
  return {
    type,
    ipFamilyPolicy: 'PreferDualStack',
    ports: [status, ...ports],
    selector: { [gatewayLabel]: meta.name },
    ...(type === 'LoadBalancer' && ip !== undefined && { loadBalancerIP: ip }),
  };
}
