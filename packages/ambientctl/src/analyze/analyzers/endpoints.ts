// AMB0010: services with nothing behind them.
import type { KubeService } from '@ambient-mesh/translate/kinds/service';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import { isOver, podsOf } from '../membership.ts';
import type { World } from '../world.ts';

export const endpoints: Analyzer = {
  name: 'service.EndpointsAnalyzer',
  about: 'services have ready endpoints',
  codes: ['AMB0010'],
  *run(world) {
    for (const service of world.objects.services.values()) yield* ofService(world, service);
  },
};

function* ofService(world: World, { meta, type, selector, publishNotReadyAddresses }: KubeService): Iterable<Finding> {
  if (type === 'ExternalName') return;
  const subject = { kind: 'Service', ...meta };
  if (Object.keys(selector).length === 0) {
    if (world.isLive && !hasSlices(world, meta.namespace, meta.name))
      yield finding('AMB0010', subject, 'It has no selector, and no EndpointSlice of its name has an endpoint.');
    return;
  }
  const pods = podsOf(world, meta.namespace, selector).filter((pod) => !isOver(pod));
  const entries = [...world.objects.workloadEntries.values()].filter((entry) => entry.meta.namespace === meta.namespace);
  const written = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  if (pods.length === 0 && !entries.some((entry) => Object.entries(selector).every(([key, value]) => entry.labels[key] === value)))
    yield finding('AMB0010', subject, `Its selector (${written.join(',')}) selects nothing.`);
  else if (pods.length > 0 && !publishNotReadyAddresses && !pods.some(({ ready, deleting }) => ready && !deleting))
    yield finding('AMB0010', subject, `None of the pods behind it is ready (${pods.length}).`);
}

const hasSlices = ({ objects }: World, namespace: string, name: string): boolean =>
  [...objects.endpointSlices.values()].some(
    (slice) => slice.meta.namespace === namespace && slice.service === name && slice.endpoints.length > 0,
  );
