// AMB0003 to AMB0007: what asks for a waypoint and does not get it, and waypoints that are not ready.
// Reasons are the control plane's own; the words of use-waypoint labels on namespaces are judged once, at the namespace.
import { requiresWaypoint } from '@ambient-mesh/translate/require-waypoint';
import type { BindingError, BindingReason } from '@ambient-mesh/translate/waypoint';
import { type Subject as Asking, bindingOf } from '@ambient-mesh/translate/waypoint-binding';
import type { Analyzer } from '../analyzer.ts';
import type { Code } from '../codes.ts';
import { type Finding, finding, type Subject } from '../finding.ts';
import { isOver } from '../membership.ts';
import type { World } from '../world.ts';
import { isWaypoint, podsOfGateway, waypointsOf } from './known-waypoints.ts';

export const waypoints: Analyzer = {
  name: 'waypoint.BindingAnalyzer',
  about: 'whoever asks for a waypoint gets it, and waypoints are ready',
  codes: ['AMB0003', 'AMB0004', 'AMB0005', 'AMB0006', 'AMB0007', 'IST0125'],
  *run(world) {
    yield* ofGateways(world);
    yield* ofNamespaces(world);
    yield* ofServices(world);
    yield* ofWorkloads(world);
  },
};

function* ofGateways(world: World): Iterable<Finding> {
  if (!world.isLive) return;
  for (const gateway of world.objects.gateways.values()) {
    if (!isWaypoint(gateway)) continue;
    const subject = { kind: 'Gateway', ...gateway.meta };
    const pods = podsOfGateway(world, gateway).filter((pod) => !isOver(pod));
    if (gateway.addresses.length === 0) yield finding('AMB0004', subject, 'The waypoint has no address yet.');
    else if (gateway.className === 'istio-waypoint' && !pods.some(({ ready }) => ready))
      yield finding('AMB0004', subject, pods.length === 0 ? 'The waypoint has no pods.' : `None of its ${pods.length} pods is ready.`);
  }
}

/** The namespace stands for the services in it: what its label asks for is judged as if a service asked. */
function* ofNamespaces(world: World): Iterable<Finding> {
  for (const namespace of world.objects.namespaces.values()) {
    if (namespace.meta.labels[useWaypoint] === undefined) continue;
    const meta = { namespace: namespace.meta.name, labels: {}, annotations: {} };
    const service = bound(world, { kind: 'Service', meta }, 'service');
    const workload = bound(world, { kind: 'Pod', meta: { ...meta, labels: namespace.meta.labels } }, 'workload');
    // A waypoint for workloads alone is right for a namespace too.
    if (service.error === undefined || workload.error === undefined) continue;
    yield* told(world, { kind: 'Namespace', namespace: '', name: namespace.meta.name }, service.error);
  }
}

const useWaypoint = 'istio.io/use-waypoint';

function* ofServices(world: World): Iterable<Finding> {
  const { objects } = world;
  for (const [kind, table] of [
    ['Service', objects.services],
    ['ServiceEntry', objects.serviceEntries],
  ] as const)
    for (const { meta } of table.values()) {
      const subject = { kind, ...meta };
      const { waypoint, error, canaryError } = bound(world, { kind, meta }, 'service');
      if (error !== undefined && meta.labels[useWaypoint] !== undefined) yield* told(world, subject, error);
      if (canaryError !== undefined) yield* told(world, subject, canaryError);
      if (waypoint === undefined && requiresWaypoint(meta, objects.namespaces.get(meta.namespace)))
        yield finding('AMB0007', subject, `It requires a waypoint, and ${error?.message ?? 'none is named by istio.io/use-waypoint'}.`);
    }
}

function* ofWorkloads(world: World): Iterable<Finding> {
  const { pods, workloadEntries } = world.objects;
  for (const [kind, table] of [
    ['Pod', pods],
    ['WorkloadEntry', workloadEntries],
  ] as const)
    for (const { meta } of table.values()) {
      if (meta.labels[useWaypoint] === undefined) continue;
      const { error } = bound(world, { kind, meta }, 'workload');
      if (error !== undefined) yield* told(world, { kind, ...meta }, error);
    }
}

function bound(world: World, asking: Asking, traffic: 'service' | 'workload') {
  const known = waypointsOf(world);
  return bindingOf(asking, world.objects.namespaces.get(asking.meta.namespace), traffic, (name) => known.get(name));
}

const codeOf: Readonly<Record<BindingReason, Code>> = {
  WaypointIsNotReady: 'AMB0004',
  AttachmentDenied: 'AMB0005',
  UnsupportedTrafficType: 'AMB0006',
  CanaryInvalidWeight: 'IST0125',
  CanarySameAsPrimary: 'IST0125',
  CrossNamespaceWaypointForbidden: 'AMB0005',
};

/** A Gateway that is there and not ready is said once, at the Gateway. */
function* told({ objects }: World, subject: Subject, { reason, message }: BindingError): Iterable<Finding> {
  const [, wanted = ''] = /^(?:canary )?waypoint "([^"]*)" is not ready$/.exec(message) ?? [];
  if (reason !== 'WaypointIsNotReady') yield finding(codeOf[reason], subject, message);
  else if (!objects.gateways.has(wanted))
    yield finding('AMB0003', subject, `It asks for waypoint ${wanted}, and there is no such Gateway.`);
  else yield finding('AMB0004', subject, `It asks for waypoint ${wanted}, which is not ready: until then traffic goes past it.`);
}
