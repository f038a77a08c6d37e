// IST0167: Sidecar objects in namespaces of ambient mode, where nothing reads them.
import type { Analyzer } from '../analyzer.ts';
import { finding } from '../finding.ts';
import { modeLabel } from '../membership.ts';

export const sidecars: Analyzer = {
  name: 'sidecar.AmbientAnalyzer',
  about: 'there are no Sidecar objects where there are no sidecars',
  codes: ['IST0167'],
  *run({ sidecars: all, objects }) {
    for (const { namespace, name } of all)
      if (objects.namespaces.get(namespace)?.meta.labels[modeLabel] === 'ambient')
        yield finding(
          'IST0167',
          { kind: 'Sidecar', namespace, name },
          `Namespace ${namespace} is in ambient mode: nothing reads Sidecars there.`,
        );
  },
};
