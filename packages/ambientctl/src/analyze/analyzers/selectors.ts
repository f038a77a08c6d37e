// IST0127 and IST0166: policies whose selectors select nobody in the mesh, or the pods of gateways.

import { objectOf } from '@ambient-mesh/kube/raw';
import type { Labels } from '@ambient-mesh/translate/kinds/meta';
import { labels } from '@ambient-mesh/translate/kinds/read';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { isOfGateway, isReached, podsOf } from '../membership.ts';
import { keyOf, type World, type Written } from '../world.ts';

export const selectors: Analyzer = {
  name: 'auth.SelectorAnalyzer',
  about: 'selectors of policies select pods that the policy can reach',
  codes: ['IST0127', 'IST0166'],
  *run(world) {
    for (const written of world.written) {
      const selector = selectorOf(written);
      if (selector !== undefined) yield* ofPolicy(world, written, selector);
    }
  },
};

const kinds: ReadonlySet<unknown> = new Set(['AuthorizationPolicy', 'RequestAuthentication', 'Telemetry', 'WasmPlugin']);

/** Undefined for other kinds, and for policies with targets or without a selector. */
function selectorOf({ raw }: Written): Labels | undefined {
  const { selector, targetRef, targetRefs } = objectOf(raw.spec);
  if (!kinds.has(raw.kind) || selector === undefined || targetRef !== undefined || targetRefs !== undefined) return undefined;
  const found = labels(objectOf(selector).matchLabels);
  return Object.keys(found).length === 0 ? undefined : found;
}

function* ofPolicy(world: World, { subject }: Written, selector: Labels): Iterable<Finding> {
  // A policy of the root namespace selects in all of them.
  const pods = podsOf(world, subject.namespace === world.settings.rootNamespace ? '' : subject.namespace, selector);
  const ofGateways = pods.filter(isOfGateway).map(({ meta }) => meta.name);
  if (ofGateways.length > 0) yield finding('IST0166', subject, `Its selector selects pods of a gateway: ${someOf(ofGateways)}.`);
  else if (subject.kind === 'AuthorizationPolicy' && !pods.some((pod) => isReached(pod, world) || world.injected.has(keyOf(pod.meta))))
    yield finding(
      'IST0127',
      subject,
      `Its selector (${written(selector)}) selects ${pods.length === 0 ? 'no pod' : 'no pod that is in the mesh'}.`,
    );
}

const written = (selector: Labels): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
