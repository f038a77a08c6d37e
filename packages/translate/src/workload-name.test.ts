// What a pod's workload is called; a row per rule.
import { expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import { podOf } from './testing/workloads.ts';
import { workloadNameOf } from './workload-name.ts';

const generated = (kind: string, name: string, labels: Labels = {}) =>
  podOf({ meta: { name: 'the-pod', labels }, generated: true, controller: { kind, name } });

const rows: readonly (readonly [rule: string, pod: ReturnType<typeof podOf>, name: string])[] = [
  ['the label decides', generated('Job', 'j', { 'service.istio.io/workload-name': 'said' }), 'said'],
  ['an empty label does not', generated('Job', 'j', { 'service.istio.io/workload-name': '' }), 'j'],
  ['a pod of its own', podOf({ meta: { name: 'the-pod' } }), 'the-pod'],
  ['a generated name without a controller', podOf({ meta: { name: 'the-pod' }, generated: true }), 'the-pod'],
  ['a name given by its controller, as of a static pod', { ...generated('Node', 'n'), generated: false }, 'the-pod'],
  ['a Deployment', generated('ReplicaSet', 'web-5d8f7c9b4', { 'pod-template-hash': '5d8f7c9b4' }), 'web'],
  ['a Deployment whose name has dashes', generated('ReplicaSet', 'a-b-c1', { 'pod-template-hash': 'c1' }), 'a-b'],
  ['a Rollout', generated('ReplicaSet', 'web-abc', { 'rollouts-pod-template-hash': 'abc' }), 'web'],
  ['a ReplicaSet with another hash', generated('ReplicaSet', 'web-abc', { 'pod-template-hash': 'abd' }), 'web-abc'],
  ['a ReplicaSet without a hash', generated('ReplicaSet', 'web-abc'), 'web-abc'],
  ['a ReplicaSet that is all hash', generated('ReplicaSet', '-abc', { 'pod-template-hash': 'abc' }), '-abc'],
  ['a DeploymentConfig', generated('ReplicationController', 'web-1', { deploymentconfig: 'web' }), 'web'],
  ['a ReplicationController', generated('ReplicationController', 'web-1'), 'web-1'],
  ['a CronJob, minutes', generated('Job', 'nightly-28123456'), 'nightly'],
  ['a CronJob, seconds', generated('Job', 'nightly-1687390800'), 'nightly'],
  ['a Job with fewer digits', generated('Job', 'import-1234567'), 'import-1234567'],
  ['a Job with more digits', generated('Job', 'import-12345678901'), 'import-12345678901'],
  ['a DaemonSet', generated('DaemonSet', 'agent'), 'agent'],
  ['a StatefulSet', generated('StatefulSet', 'db'), 'db'],
  ['a kind that nobody knows', generated('Thing', 'thing-1'), 'thing-1'],
];

test.each(rows)('%s', (_, pod, name) => {
  expect(workloadNameOf(pod)).toBe(name);
});
