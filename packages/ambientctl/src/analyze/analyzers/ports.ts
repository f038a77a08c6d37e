// IST0118 and AMB0009: what the ports of services are called, and the container ports that they lead to by name.

import { appProtocolOf } from '@ambient-mesh/translate/app-protocol';
import type { KubeService, ServicePort } from '@ambient-mesh/translate/kinds/service';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { isReached, podsOf } from '../membership.ts';
import type { World } from '../world.ts';

export const portNames: Analyzer = {
  name: 'service.PortNameAnalyzer',
  about: 'ports of services say what they speak, and lead to ports that exist',
  codes: ['IST0118', 'AMB0009'],
  *run(world) {
    for (const service of world.objects.services.values()) yield* ofService(world, service);
  },
};

function* ofService(world: World, { meta, type, selector, ports }: KubeService): Iterable<Finding> {
  if (type === 'ExternalName') return;
  const subject = { kind: 'Service', ...meta };
  const pods = Object.keys(selector).length === 0 ? [] : podsOf(world, meta.namespace, selector);
  const inMesh = pods.some((pod) => isReached(pod, world));
  for (const port of ports) {
    const { name, port: number, targetPort } = port;
    if (inMesh && !saysProtocol(port))
      yield finding(
        'IST0118',
        subject,
        `Port ${number}${name === '' ? ' has no name' : ` is named ${name}`}, which does not say what it speaks.`,
      );
    if (typeof targetPort !== 'string' || port.protocol === 'UDP') continue;
    const without = pods.filter(({ namedPorts }) => !Object.hasOwn(namedPorts, targetPort)).map((pod) => pod.meta.name);
    if (without.length > 0)
      yield finding('AMB0009', subject, `Port ${number} leads to port "${targetPort}" of the pods, which ${someOf(without)} has not.`);
  }
}

/** Words that are known and of no interest to the mesh say something too. */
function saysProtocol(port: ServicePort): boolean {
  if (port.protocol !== 'TCP' || appProtocolOf(port) !== undefined) return true;
  return /^(grpc-web|http_proxy|mongo|mysql|redis|udp)(-|$)/i.test(port.appProtocol || port.name);
}
