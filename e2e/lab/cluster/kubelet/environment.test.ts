// What containers are started with: the downward API, references, expansion, commands, and which image a name means.
import { expect, test } from 'vitest';
import type { Container, Pod } from '../objects.ts';
import { argvOf, environmentOf, expand, field, type PodPlace, type Sources } from './environment.ts';
import { findImage } from './images.ts';

const place: PodPlace = { nodeName: 'node-a', hostIps: ['172.172.0.1', 'fd00::1'], podIps: ['10.0.1.1', 'fd00:10::1'] };
const metadata = {
  name: 'web-1',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '',
  labels: { app: 'web', 'a/b': 'c' },
  annotations: { note: 'say "hi"' },
};
const pod: Pod = { metadata, spec: { containers: [], serviceAccountName: 'seller' } };
const sources: Sources = { configMaps: new Map([['settings', { level: 'high' }]]), secrets: new Map([['keys', { pin: '1234' }]]) };
const image = { entrypoint: ['serve'], args: ['--all'], env: { FROM_IMAGE: 'yes' } };

const environment = (env: Container['env'] = []): Record<string, string> =>
  environmentOf({ pod, container: { name: 'app', image: 'x', env }, place, sources, image, base: { PATH: '/bin', FROM_IMAGE: 'no' } });

const fields: readonly (readonly [path: string, value: string])[] = [
  ['metadata.name', 'web-1'],
  ['metadata.namespace', 'shop'],
  ['metadata.uid', 'u'],
  ["metadata.labels['app']", 'web'],
  ["metadata.labels['a/b']", 'c'],
  ["metadata.labels['none']", ''],
  ['metadata.labels', 'a/b="c"\napp="web"'],
  ['metadata.annotations', 'note="say \\"hi\\""'],
  ['spec.nodeName', 'node-a'],
  ['spec.serviceAccountName', 'seller'],
  ['status.hostIP', '172.172.0.1'],
  ['status.podIP', '10.0.1.1'],
  ['status.podIPs', '10.0.1.1,fd00:10::1'],
];
for (const [path, value] of fields) test(`${path} of the downward API`, () => expect(field(pod, place, path)).toBe(value));

test('a field that nobody knows stops the container', () => {
  expect(() => field(pod, place, 'spec.secret')).toThrow('spec.secret');
});

test("the node's variables, the image's and the container's: later ones win", () => {
  expect(environment([{ name: 'PATH', value: '/own' }])).toEqual({ PATH: '/own', HOSTNAME: 'web-1', FROM_IMAGE: 'yes' });
});

test('a value may refer to variables before it, not to those after it', () => {
  const env = environment([
    { name: 'A', value: '1' },
    { name: 'B', value: '$(A)-$(C)' },
    { name: 'C', value: '3' },
  ]);
  expect(env.B).toBe('1-$(C)');
});

test('keys of ConfigMaps and Secrets', () => {
  const env = environment([
    { name: 'L', valueFrom: { configMapKeyRef: { name: 'settings', key: 'level' } } },
    { name: 'P', valueFrom: { secretKeyRef: { name: 'keys', key: 'pin' } } },
    { name: 'O', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
  ]);
  expect([env.L, env.P, 'O' in env]).toEqual(['high', '1234', false]);
});

const missing: readonly (readonly [text: string, name: string, key: string])[] = [
  ['configmap "none" not found', 'none', 'x'],
  ['couldn\'t find key x in configmap "settings"', 'settings', 'x'],
];
for (const [text, name, key] of missing)
  test(`a container waits: ${text}`, () => {
    expect(() => environment([{ name: 'X', valueFrom: { configMapKeyRef: { name, key } } }])).toThrow(text);
  });

const expansions: readonly (readonly [text: string, want: string])[] = [
  ['$(A)$(A)', '11'],
  ['$$(A)', '$(A)'],
  ['$(NONE) $A', '$(NONE) $A'],
  ['50$', '50$'],
];
for (const [text, want] of expansions) test(`${text} becomes ${want}`, () => expect(expand(text, { A: '1' })).toBe(want));

const commands: readonly (readonly [name: string, container: Partial<Container>, want: readonly string[]])[] = [
  ["the image's own", {}, ['serve', '--all']],
  ["arguments replace the image's", { args: ['--one', '$(A)'] }, ['serve', '--one', '1']],
  ['no arguments at all', { args: [] }, ['serve']],
  ["a command replaces both of the image's", { command: ['sh'] }, ['sh']],
  ['command and arguments', { command: ['sh'], args: ['-c', 'ls'] }, ['sh', '-c', 'ls']],
];
for (const [name, container, want] of commands)
  test(`what is run: ${name}`, () => expect(argvOf({ name: 'app', image: 'x', ...container }, image, { A: '1' })).toEqual(want));

const images = { 'mesh/app': image, 'mesh/app:old': { entrypoint: ['old'] }, plain: image };
const references: readonly (readonly [reference: string, found: boolean])[] = [
  ['mesh/app', true],
  ['mesh/app:v1', true],
  ['docker.io/mesh/app:v1', true],
  ['localhost:5000/mesh/app', true],
  ['mesh/app@sha256:0123', true],
  ['plain:1', true],
  ['mesh/other', false],
  ['other/mesh/app', false],
  ['toString', false],
];
for (const [reference, found] of references)
  test(`image ${reference} is ${found ? 'known' : 'unknown'}`, () => expect(findImage(images, reference) !== undefined).toBe(found));

test('a tag of its own wins', () => expect(findImage(images, 'mesh/app:old')?.entrypoint).toEqual(['old']));
