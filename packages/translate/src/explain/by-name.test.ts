// Questions of a web page, and whose namespaces the answers tell of.
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { pod, service } from '../testing/written-mesh.ts';
import { explainByName } from './by-name.ts';
import { meshOf } from './mesh-of.ts';

const written = (...texts: readonly string[]): unknown[] =>
  texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as unknown)).filter((each) => each !== null);
const known = meshOf({
  pods: written(pod('shop/web-1', { ip: '10.0.0.1' }), pod('store/cart-1', { ip: '10.0.0.2' }), pod('store/quiet-1', { ip: '10.0.0.3' })),
  services: written(service('store/cart', '10.1.0.2'), service('store/quiet', 'None')),
});
const ask = (to: string, more: object = {}) => explainByName(known, { from: { namespace: 'shop', name: 'web' }, to, ...more }, 0);

const rows: readonly (readonly [name: string, to: string, want: object])[] = [
  ['a service of another namespace', 'cart.store', { answer: { outcome: 'allowed' }, namespaces: ['shop', 'store'] }],
  ['a pod of another namespace', 'pod/store/cart-1:8080', { answer: { outcome: 'allowed' }, namespaces: ['shop', 'store'] }],
  ['an address that nobody has', '192.0.2.1:80', { answer: { outcome: 'allowed' }, namespaces: ['shop'] }],
  [
    'what is not there, where it was looked for',
    'gone.store:80',
    { error: expect.stringContaining('no service'), namespaces: ['shop', 'store'] },
  ],
  ['... in the own namespace', 'gone', { error: expect.stringContaining('no service'), namespaces: ['shop', 'shop'] }],
  [
    'an error that names pods tells of their namespace',
    'quiet.store',
    { error: expect.stringContaining('pod/store/'), namespaces: ['shop', 'store'] },
  ],
  ['a pod that is not there', 'pod/store/gone', { error: expect.stringContaining('no pod'), namespaces: ['shop', 'store'] }],
];
for (const [name, to, want] of rows) {
  test(name, () => {
    expect(ask(to)).toMatchObject(want);
  });
}

test('a method or a path makes it a request', () => {
  expect(ask('cart.store', { path: '/x' })).toMatchObject({ answer: { outcome: 'allowed' } });
});

test('from nobody', () => {
  expect(explainByName(known, { from: { namespace: 'shop', name: 'gone' }, to: 'cart.store' }, 0)).toEqual({
    error: 'there is no pod or workload shop/gone',
    namespaces: ['shop'],
  });
});
