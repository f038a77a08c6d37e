// IST0123: namespaces that ask for sidecars and for ambient mode at once.
import type { Analyzer } from '../analyzer.ts';
import { finding } from '../finding.ts';
import { modeLabel } from '../membership.ts';

export const injection: Analyzer = {
  name: 'injection.Analyzer',
  about: 'namespaces ask for sidecars or for ambient mode, not for both',
  codes: ['IST0123'],
  *run({ objects }) {
    for (const { meta } of objects.namespaces.values())
      if (meta.labels[modeLabel] === 'ambient' && meta.labels['istio-injection'] === 'enabled')
        yield finding('IST0123', { kind: 'Namespace', ...meta }, `It has the labels istio-injection=enabled and ${modeLabel}=ambient.`);
  },
};
