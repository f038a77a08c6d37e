// Rules of reading a pod's uid out of control groups, as kubelets and container runtimes name them (facts: control-plane §2.15, GetContainerIDFromCGroups).
// Beside cgroup.ts; pure.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podUidOf, podUidsIn, startTimeOf } from './cgroup.ts';

const uid = '2c48913c-b29f-11e7-9350-020968147796';
const other = '6d0c4a53-2d6c-4b6f-9d0e-1f6f2c3b4a59';
const below = (id: string): string => id.replaceAll('-', '_');
const container = '9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961';
const v1 = (path: string): string => `11:pids:${path}\n3:cpu,cpuacct:${path}\n1:name=systemd:${path}\n0::${path}\n`;

const groups: readonly (readonly [runtime: string, cgroup: string, uid: string | undefined])[] = [
  ['cgroupfs', `0::/kubepods/burstable/pod${uid}/${container}\n`, uid],
  ['cgroupfs, a guaranteed pod', `0::/kubepods/pod${uid}/${container}\n`, uid],
  [
    'systemd, containerd',
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${below(uid)}.slice/cri-containerd-${container}.scope\n`,
    uid,
  ],
  ['systemd, a guaranteed pod', `0::/kubepods.slice/kubepods-pod${below(uid)}.slice/cri-containerd-${container}.scope\n`, uid],
  [
    'systemd, CRI-O',
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${below(uid)}.slice/crio-${container}.scope\n`,
    uid,
  ],
  ["systemd, CRI-O's group below its own", `0::/kubepods.slice/kubepods-pod${below(uid)}.slice/crio-${container}.scope/container\n`, uid],
  [
    'systemd, docker',
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${below(uid)}.slice/docker-${container}.scope\n`,
    uid,
  ],
  [
    'containerd that is not told of systemd',
    `0::/system.slice/containerd.service/kubepods-burstable-pod${below(uid)}.slice:cri-containerd:${container}\n`,
    uid,
  ],
  ['k3s', `0::/kubepods/besteffort/pod${uid}/${container}\n`, uid],
  ['a node that is a container', `0::/docker/${container}/kubelet/kubepods/besteffort/pod${uid}/${container}\n`, uid],
  [
    'kind, with systemd',
    `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${below(uid)}.slice/cri-containerd-${container}.scope\n`,
    uid,
  ],
  ["relative to the reader's own group", `0::/../../pod${uid}/${container}\n`, uid],
  ['a static pod', `0::/kubepods/burstable/pod${'0123456789abcdef'.repeat(2)}/${container}\n`, '0123456789abcdef'.repeat(2)],
  ['the pod itself, without a container', `0::/kubepods/pod${uid}\n`, uid],
  ['groups that the container has made', `0::/kubepods/pod${uid}/${container}/init.scope\n`, uid],
  ['cgroup v1, the same in every hierarchy', v1(`/kubepods/burstable/pod${uid}/${container}`), uid],
  ['cgroup v1, hierarchies that do not say', `11:pids:/kubepods/pod${uid}/${container}\n3:cpu:/\n1:name=systemd:/system.slice\n`, uid],
  ['cgroup v1, once with - and once with _', `11:pids:/kubepods/pod${uid}/x\n1:name=systemd:/kubepods-pod${below(uid)}.slice/x\n`, uid],
  ['no pod', '0::/system.slice/sshd.service\n', undefined],
  ['the root', '0::/\n', undefined],
  ['nothing', '', undefined],
  ['CRI-O that does not tell the pod', `0::/kubepods/crio-${container}\n`, undefined],
  ['podman, which has pods of its own', `0::/machine.slice/libpod-${container}.scope\n`, undefined],
  ['a docker container outside of any pod', `0::/docker/${container}\n`, undefined],
  ['a uid that is too short', '0::/kubepods/pod2c48913c-b29f-11e7-9350/x\n', undefined],
  ['a uid that goes on', `0::/kubepods/pod${uid}0/x\n`, undefined],
  ['a word that ends in pod', `0::/kubepods/tripod${uid}/x\n`, undefined],
];
describe('whose a process is', () => {
  test.each(groups)('%s', (_, cgroup, expected) => {
    expect(podUidOf(cgroup)).toBe(expected);
  });

  test.each([
    ['hierarchies that disagree', `11:pids:/kubepods/pod${uid}/x\n1:name=systemd:/kubepods/pod${other}/x\n`],
    ['a group inside a pod that has the name of another pod', `0::/kubepods/pod${uid}/${container}/pod${other}/x\n`],
  ])('several pods are nobody: %s', (_, cgroup) => {
    expect(podUidOf(cgroup)).toBe('ambiguous');
  });

  test('a node that runs in a pod itself tells its own pods apart from that one', () => {
    const node = podUidsIn(`0::/kubepods/pod${other}/${container}/docker/${container}/init.scope\n`);
    const cgroup = `0::/kubepods/pod${other}/${container}/docker/${container}/kubepods/pod${uid}/${container}\n`;
    expect(podUidOf(cgroup, node)).toBe(uid);
    expect(podUidOf(`0::/kubepods/pod${other}/${container}\n`, node)).toBeUndefined();
  });

  const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
  const uids = fc.oneof(
    fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => parts.join('-')),
    hex(32),
  );
  const path = fc.array(
    fc.stringMatching(/^[a-z0-9.@-]{0,12}$/).filter((part) => !part.includes('pod')),
    { maxLength: 4 },
  );

  test('a pod is found wherever it is named', () => {
    fc.assert(
      fc.property(uids, path, path, fc.constantFrom('pod', 'kubepods-pod', 'kubepods-burstable-pod'), (id, before, after, prefix) => {
        const slice = prefix === 'pod' ? `${prefix}${id}` : `${prefix}${below(id)}.slice`;
        expect(podUidOf(`0::/${[...before, slice, ...after].join('/')}\n`)).toBe(id);
      }),
    );
  });

  test('whatever is read, the answer is a uid that is there, or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        const found = podUidOf(text);
        if (found !== undefined && found !== 'ambiguous') expect(text.replaceAll('_', '-')).toContain(`pod${found}`);
      }),
    );
  });

  test('several are never one', () => {
    fc.assert(
      fc.property(fc.uniqueArray(uids, { minLength: 2, maxLength: 4 }), (all) => {
        expect(podUidOf(all.map((id, i) => `${i}:x:/kubepods/pod${id}/c`).join('\n'))).toBe('ambiguous');
      }),
    );
  });

  test('a long line of half names takes no time', () => {
    const began = performance.now();
    podUidOf(`0::/${'pod2c48913c-b29f-11e7-9350-02096814779'.repeat(20_000)}`);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe('when a process started', () => {
  const stat = (name: string, start: string | number): string =>
    `4242 (${name}) S 1 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 ${start} 8192 100 18446744073709551615\n`;
  test.each([
    ['plain', 'sleep'],
    ['blanks', 'a b c'],
    ['parentheses', ') S 1 (('],
    ['another stat', '1) S 1 1 1 0 -1 0'],
    ['a line break', 'a\n)'],
    ['empty', ''],
  ])('whatever its name: %s', (_, name) => {
    expect(startTimeOf(stat(name, 987_654))).toBe(987_654);
  });

  test.each([
    ['nothing', ''],
    ['too short', '1 (a) S 1 2 3'],
    ['no number', stat('a', 'soon')],
    ['negative', stat('a', -1)],
    ['a fraction', stat('a', 1.5)],
  ])('none is read from what is no stat: %s', (_, text) => {
    expect(startTimeOf(text)).toBeUndefined();
  });

  test('any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 15 }), fc.nat(), (name, ticks) => {
        expect(startTimeOf(stat(name, ticks))).toBe(ticks);
      }),
    );
  });
});
