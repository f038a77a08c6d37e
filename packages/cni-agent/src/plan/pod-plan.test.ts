// The step for a pod, for every combination of facts that matters.
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import { type Member, type PodFacts, planOf, type Step } from './pod-plan.ts';

const ip = (text: string): Ip => text as Ip;
const capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };
const pod: Pod = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  runtimeUid: 'u1',
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [ip('10.0.1.1')],
  isOver: false,
  redirection: '',
  wishes: {},
};
const enabled: Pod = { ...pod, redirection: 'enabled' };
const pending: Pod = { ...pod, redirection: 'pending' };
const member: Member = { pod, ips: pod.ips, capture, isPending: false, isSuspect: false, hasMoved: false };
const placement = { netns: '/run/netns/x', ips: [ip('10.0.1.9')] };
const nobody: PodFacts = { pod: undefined, isWanted: false, member: undefined, placement: undefined, capture };
const wanted = { ...nobody, isWanted: true };

const enrol = (of: Pod, ips = of.ips): Step => ({ do: 'enrol', pod: of, ips, placement: undefined });
const release = (of: Pod, isGone: boolean): Step => ({ do: 'release', pod: of, isGone, isAnnotated: of.redirection !== '' });

const rows: readonly (readonly [name: string, facts: PodFacts, step: Step])[] = [
  ['a pod that nobody knows', nobody, { do: 'nothing' }],
  ['a member that was deleted', { ...nobody, member }, release(pod, true)],
  ['a pod outside the mesh, where it belongs', { ...nobody, pod }, { do: 'nothing' }],
  ['a pod outside that is over', { ...wanted, pod: { ...pod, isOver: true } }, { do: 'nothing' }],
  ['a member whose job is done', { ...wanted, pod: { ...enabled, isOver: true }, member }, release({ ...enabled, isOver: true }, true)],
  ['annotated and over', { ...wanted, pod: { ...enabled, isOver: true } }, release({ ...enabled, isOver: true }, true)],
  ['a member that is not wanted any more', { ...nobody, pod: enabled, member }, release(enabled, false)],
  ['annotated, not wanted, not ours yet', { ...nobody, pod: enabled }, release(enabled, false)],
  ['half enrolled, not wanted any more', { ...nobody, pod: pending }, release(pending, false)],
  ['wanted, and it runs', { ...wanted, pod }, enrol(pod)],
  ['wanted, without addresses yet', { ...wanted, pod: { ...pod, ips: [] } }, { do: 'nothing' }],
  [
    'being started by the runtime',
    { ...wanted, pod: { ...pod, ips: [] }, placement },
    { do: 'enrol', pod: { ...pod, ips: [] }, ips: placement.ips, placement },
  ],
  [
    'a member whose sandbox is made anew',
    { ...wanted, pod: enabled, member, placement },
    { do: 'enrol', pod: enabled, ips: placement.ips, placement },
  ],
  ['being started, but not wanted', { ...nobody, pod, placement }, { do: 'nothing' }],
  ['captured, but no ztunnel has it', { ...wanted, pod: pending, member: { ...member, isPending: true } }, enrol(pending)],
  ['enrolled, not annotated', { ...wanted, pod, member }, { do: 'annotate', pod }],
  ['enrolled, still annotated as pending', { ...wanted, pod: pending, member }, { do: 'annotate', pod: pending }],
  ['all is well', { ...wanted, pod: enabled, member }, { do: 'nothing' }],
  ['its addresses are not in the status yet', { ...wanted, pod: { ...enabled, ips: [] }, member }, { do: 'nothing' }],
  [
    'it got another address',
    { ...wanted, pod: { ...enabled, ips: [ip('10.0.1.2')] }, member },
    { do: 're-probe', pod: { ...enabled, ips: [ip('10.0.1.2')] } },
  ],
  [
    'its second family showed up',
    { ...wanted, pod: { ...enabled, ips: [...pod.ips, ip('fd00::1')] }, member },
    { do: 're-probe', pod: { ...enabled, ips: [...pod.ips, ip('fd00::1')] } },
  ],
  [
    'the same addresses in another order',
    { ...wanted, pod: { ...enabled, ips: [ip('fd00::1'), ...pod.ips] }, member: { ...member, ips: [...pod.ips, ip('fd00::1')] } },
    { do: 'nothing' },
  ],
  ['found enrolled at the start', { ...wanted, pod: enabled, member: { ...member, capture: undefined } }, { do: 'verify', pod: enabled }],
  ['somebody touched its rules', { ...wanted, pod: enabled, member: { ...member, isSuspect: true } }, { do: 'verify', pod: enabled }],
  ['its annotations changed', { ...wanted, pod: enabled, member, capture: { ...capture, ingress: true } }, { do: 'verify', pod: enabled }],
  ['its namespace is another', { ...wanted, pod: enabled, member: { ...member, hasMoved: true } }, enrol(enabled)],
];
for (const [name, facts, step] of rows) test(name, () => expect(planOf(facts)).toEqual(step));
