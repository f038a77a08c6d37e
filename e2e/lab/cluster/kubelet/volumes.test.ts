// Which files volumes hold. How they come into a container is in mounts.test.ts.
import { expect, test } from 'vitest';
import type { Pod, Volume } from '../objects.ts';
import { filesOf, references, type VolumeFacts } from './volumes.ts';

const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '', labels: { app: 'web' } };
const podWith = (...volumes: Volume[]): Pod => ({ metadata, spec: { containers: [], volumes } });
const facts: VolumeFacts = {
  pod: podWith(),
  place: { nodeName: 'node-a', hostIps: [], podIps: [] },
  sources: { configMaps: new Map([['roots', { 'a.pem': 'A', 'b.pem': 'B' }]]), secrets: new Map([['keys', { key: 'K' }]]) },
  token: ({ audience, seconds }) => `token for ${audience} ${seconds}`,
};
const files = (volume: Omit<Volume, 'name'>): Record<string, string> => Object.fromEntries(filesOf({ name: 'v', ...volume }, facts) ?? []);

const rows: readonly (readonly [name: string, volume: Omit<Volume, 'name'>, want: Record<string, string>])[] = [
  ['all keys of a ConfigMap', { configMap: { name: 'roots' } }, { 'a.pem': 'A', 'b.pem': 'B' }],
  ['chosen keys under other names', { configMap: { name: 'roots', items: [{ key: 'a.pem', path: 'x/y' }] } }, { 'x/y': 'A' }],
  ['a Secret', { secret: { secretName: 'keys' } }, { key: 'K' }],
  ['an optional ConfigMap that is not there', { configMap: { name: 'none', optional: true } }, {}],
  ['labels', { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }, { labels: 'app="web"' }],
  [
    'a projection of several sources',
    {
      projected: {
        sources: [
          { serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 600, path: 'token' } },
          { configMap: { name: 'roots', items: [{ key: 'a.pem', path: 'ca.crt' }] } },
        ],
      },
    },
    { token: 'token for istio-ca 600', 'ca.crt': 'A' },
  ],
];
for (const [name, volume, want] of rows) test(name, () => expect(files(volume)).toEqual(want));

test('an emptyDir belongs to the processes', () => expect(filesOf({ name: 'v', emptyDir: {} }, facts)).toBeUndefined());
test('a hostPath belongs to the node', () => expect(filesOf({ name: 'v', hostPath: { path: '/run' } }, facts)).toBeUndefined());

const wrong: readonly (readonly [name: string, volume: Omit<Volume, 'name'>, why: string])[] = [
  ['a ConfigMap that is not there holds the pod up', { configMap: { name: 'none' } }, 'configmap "none" not found'],
  ['so does a key', { secret: { secretName: 'keys', items: [{ key: 'x', path: 'x' }] } }, 'has no key x'],
  ['no path leads out of the volume', { configMap: { name: 'roots', items: [{ key: 'a.pem', path: '../x' }] } }, 'cannot hold'],
];
for (const [name, volume, why] of wrong) test(name, () => expect(() => files(volume)).toThrow(why));

test('what a pod refers to is known beforehand', () => {
  const pod = podWith(
    { name: 'a', configMap: { name: 'roots' } },
    { name: 'b', projected: { sources: [{ secret: { name: 'keys' } }, { serviceAccountToken: { path: 'token' } }] } },
  );
  const { configMaps, secrets, tokens } = references(pod);
  expect([[...configMaps], [...secrets], tokens]).toEqual([['roots'], ['keys'], [{ audience: '', seconds: 3_600 }]]);
});
