// The file systems of nodes and containers as text. What they do is seen in ../node-side.test.ts.
import { expect, test } from 'vitest';
import { otherMounts, planContainerRoot, planNodeRoot } from './mounts.ts';

const info = (...paths: string[]): string => paths.map((path, at) => `${at} 0 0:1 / ${path} rw - ext4 /dev/x rw`).join('\n');

const rows: readonly (readonly [name: string, paths: string[], want: string[]])[] = [
  ['the root itself is no other', ['/'], []],
  ['outer ones come first, each once', ['/', '/home/a', '/home', '/home'], ['/home', '/home/a']],
  ['what is made anew is left out, with all below it', ['/proc', '/proc/sys/x', '/sys/fs/cgroup', '/dev/pts', '/run/user/0'], []],
  ['what only begins alike is not', ['/system', '/runner'], ['/runner', '/system']],
  ['blanks are read', ['/a\\040b'], ['/a b']],
];
for (const [name, paths, want] of rows) test(name, () => expect(otherMounts(info(...paths))).toEqual(want));

const others = [
  { path: '/etc/hosts', isFile: true },
  { path: '/home', isFile: false },
];

test('a node writes to memory only, over the machine and over its other file systems', () => {
  const { files, scratch } = planNodeRoot({ folder: '/tmp/lab', others });
  expect(scratch).toBe('/tmp/lab/root');
  expect(files.layers?.trimEnd().split('\n')).toEqual([
    'overlay /tmp/lab/root/root overlay lowerdir=/,upperdir=/tmp/lab/root/0/upper,workdir=/tmp/lab/root/0/work 0 0',
    '/etc/hosts /tmp/lab/root/root/etc/hosts none bind 0 0',
    'overlay /tmp/lab/root/root/home overlay lowerdir=/home,upperdir=/tmp/lab/root/2/upper,workdir=/tmp/lab/root/2/work 0 0',
    '/sys /tmp/lab/root/root/sys none rbind 0 0',
    '/dev /tmp/lab/root/root/dev none rbind 0 0',
    'tmpfs /tmp/lab/root/root/run tmpfs mode=755 0 0',
  ]);
});

test('a container lies over the machine too, not over its node: layers cannot be stacked at will', () => {
  const { files } = planContainerRoot({ folder: '/tmp/lab/pod/c', others: [], mounts: [] });
  expect(files.layers).toContain('lowerdir=/.machine,upperdir=/.machine/tmp/lab/pod/c/root/0/upper');
});

test('volumes come from the node; directories to mount at are made, files beforehand', () => {
  const { files, script } = planContainerRoot({
    folder: '/tmp/lab/pod/c',
    others: [],
    mounts: [
      { source: '/proc', path: '/host/proc', readOnly: true },
      { source: '/.machine/x', path: "/it's a/file", readOnly: false, isFile: true },
    ],
  });
  expect(files.volumes?.trimEnd().split('\n')).toEqual([
    '/.node/proc /host/proc none rbind,ro,X-mount.mkdir 0 0',
    "/.node/.machine/x /it's\\040a/file none rbind 0 0",
  ]);
  expect(script).toContain(String.raw`mkdir -p '/it'\''s a'`);
  expect(script).not.toContain("mkdir -p '/host");
});
