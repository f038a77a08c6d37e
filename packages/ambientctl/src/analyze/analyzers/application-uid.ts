// IST0144: containers that run as the proxies' user.
import { objectOf, type RawObject } from '@ambient-mesh/kube/raw';
import type { Analyzer } from '../analyzer.ts';
import { finding } from '../finding.ts';
import { labelsOf } from '../world.ts';

const proxyUser = 1337;

export const applicationUid: Analyzer = {
  name: 'applicationUID.Analyzer',
  about: 'no application runs as user 1337',
  codes: ['IST0144'],
  *run({ written }) {
    for (const { subject, raw } of written) {
      if (raw.kind !== 'Pod' || 'gateway.networking.k8s.io/gateway-name' in labelsOf(raw)) continue;
      const spec = objectOf(raw.spec);
      const places = [spec, ...listOf(spec.containers), ...listOf(spec.initContainers)];
      if (places.some((place) => objectOf(place.securityContext).runAsUser === proxyUser))
        yield finding('IST0144', subject, `It runs as user ${proxyUser}.`);
    }
  },
};

const listOf = (value: unknown): readonly RawObject[] => (Array.isArray(value) ? value.map(objectOf) : []);
