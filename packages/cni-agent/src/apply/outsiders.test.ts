// Whom strict enrolment shuts out, and when that changes; what is told of each pod is reconcile.test.ts.
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import { Outsiders } from './outsiders.ts';

const first = '10.0.1.1' as Ip;
const second = '10.0.1.2' as Ip;
const pod: Pod = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  runtimeUid: 'u1',
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [first],
  isOver: false,
  redirection: '',
  wishes: {},
};

function bench() {
  const said: string[] = [];
  const outsiders = new Outsiders({
    warn: (_pod, obstacle) => said.push(`warn ${obstacle}`),
    recovered: (_pod, obstacle) => said.push(`recovered ${obstacle}`),
    shut: (ips) => said.push(`shut ${ips.join() || 'nobody'}`),
  });
  return { outsiders, said };
}

test('the same again is no news', () => {
  const { outsiders, said } = bench();
  for (let i = 0; i < 3; i++) outsiders.met(pod, [first], 'no-namespace', 'text');
  expect(said).toEqual(['warn no-namespace', `shut ${first}`]);
});

test('a pod that has another address by now is shut there, and whoever has the old one is not', () => {
  const { outsiders, said } = bench();
  outsiders.met(pod, [first], 'no-namespace', 'text');
  outsiders.met(pod, [second], 'no-namespace', 'text');
  expect(said).toEqual(['warn no-namespace', `shut ${first}`, `shut ${second}`]);
});

test('a pod that is captured but not served is not shut: nothing of it passes in clear', () => {
  const { outsiders, said } = bench();
  outsiders.met(pod, [first], 'rules', 'text');
  outsiders.met(pod, [first], 'no-ztunnel', 'text');
  expect([said.at(-1), [...outsiders.byObstacle()]]).toEqual(['shut nobody', [['no-ztunnel', 1]]]);
});
