// Which policy a denial is counted under, read from the details of the log.
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { expect, test } from 'vitest';
import { inlet } from '../testing/entry.ts';
import { DenialMetrics, denyingPolicy } from './denial-metrics.ts';

const rows: readonly (readonly [name: string, details: string, want: string | undefined])[] = [
  ['a DENY that matched', 'rbac_access_denied_matched_policy[ns[shop]-policy[no-posts]-rule[1]]', 'shop/no-posts'],
  ['no ALLOW that matched', 'rbac_access_denied_matched_policy[none]', 'none'],
  [
    'a CUSTOM without its provider',
    'rbac_access_denied_matched_policy[istio-ext-authz-opa-ns[shop]-policy[ask]-rule[0]-deny-due-to-bad-CUSTOM-action]',
    'shop/ask',
  ],
  ['an endpoint that answers 403 itself', 'via_upstream', undefined],
  ['no details', '', undefined],
  ['details of a plugin', 'rbac_access_denied_matched_policy[whatever]', undefined],
];
for (const [name, details, want] of rows) {
  test(name, () => {
    expect(denyingPolicy(details)).toBe(want);
  });
}

test('a denial says who, whom and which policy; anything else counts nothing', async () => {
  const metrics = new Metrics();
  const denials = new DenialMetrics(metrics);
  denials.count(inlet(), undefined, 'rbac_access_denied_matched_policy[ns[ns]-policy[deny]-rule[0]]');
  denials.count(inlet(), undefined, 'via_upstream');
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('ambient_'));
  expect(lines).toEqual([
    'ambient_policy_denials_total{source_workload="shop",source_workload_namespace="ns",source_principal="spiffe://cluster.local/ns/ns/sa/shop",destination_workload="unknown",destination_workload_namespace="unknown",destination_service="reviews.ns.svc.cluster.local",destination_service_namespace="ns",policy="ns/deny"} 1',
  ]);
});
