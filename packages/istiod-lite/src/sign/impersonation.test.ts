// Which identity a certificate may carry: the positive case, and one row for each way in which it is not proved.
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { expect, test } from 'vitest';
import type { Caller } from './caller.ts';
import { grantedIdentity } from './impersonation.ts';
import { NodePods } from './pods-by-node.ts';

const ztunnel: Caller = { identities: [spiffeId('td', 'istio-system', 'ztunnel')], by: 'token', pod: { name: 'ztunnel-a', uid: 'u1' } };
const client = 'spiffe://td/ns/default/sa/client';

function rules() {
  const pods = new NodePods();
  const add = (namespace: string, name: string, more: object = {}) =>
    pods.set(`${namespace}/${name}`, { namespace, uid: `u-${name}`, serviceAccount: name, node: 'a', failed: false, ...more });
  add('istio-system', 'ztunnel-a', { uid: 'u1', serviceAccount: 'ztunnel' });
  add('istio-system', 'floating', { uid: 'u2', serviceAccount: 'ztunnel', node: '' });
  add('default', 'client');
  add('default', 'elsewhere', { node: 'b' });
  add('default', 'crashed', { failed: true });
  return { trustedAccounts: new Set(['istio-system/ztunnel']), trustDomain: 'td', pods };
}

test('a node tunnel gets the identity of a pod on its node', () => {
  expect(grantedIdentity(ztunnel, client, rules())).toEqual({ identity: spiffeId('td', 'default', 'client') });
});

test('whoever asks for no other identity gets its own', () => {
  const pod: Caller = { identities: [spiffeId('td', 'default', 'client')], by: 'token' };
  expect(grantedIdentity(pod, '', rules())).toEqual({ identity: spiffeId('td', 'default', 'client') });
});

const refused: readonly (readonly [string, Caller, string, RegExp])[] = [
  [
    'the caller is no node tunnel',
    { ...ztunnel, identities: [spiffeId('td', 'default', 'client')] },
    client,
    /may not ask for other identities/,
  ],
  [
    'the caller has the right name in another namespace',
    { ...ztunnel, identities: [spiffeId('td', 'evil', 'ztunnel')] },
    client,
    /evil\/ztunnel may not/,
  ],
  ['the caller came with a certificate, not a token', { identities: ztunnel.identities, by: 'certificate' }, client, /bound to a pod/],
  ['the identity is no SPIFFE id', ztunnel, 'default/client', /not a SPIFFE identity/],
  ['the identity is of another trust domain', ztunnel, 'spiffe://other/ns/default/sa/client', /another trust domain/],
  ['the identity has an empty account', ztunnel, 'spiffe://td/ns/default/sa/', /not a SPIFFE identity/],
  ['the calling pod is not known', { ...ztunnel, pod: { name: 'gone', uid: 'u1' } }, client, /gone is not known/],
  [
    'the calling pod was replaced by one of the same name',
    { ...ztunnel, pod: { name: 'ztunnel-a', uid: 'old' } },
    client,
    /another than the one/,
  ],
  ['the calling pod is on no node', { ...ztunnel, pod: { name: 'floating', uid: 'u2' } }, client, /on no node/],
  ['no pod on the node has the identity', ztunnel, 'spiffe://td/ns/default/sa/elsewhere', /runs on node a/],
  ['the only pod with the identity has failed', ztunnel, 'spiffe://td/ns/default/sa/crashed', /runs on node a/],
  [
    'the caller has two identities and wants its own',
    { ...ztunnel, identities: [...ztunnel.identities, spiffeId('td', 'a', 'b')] },
    '',
    /several identities/,
  ],
];
test.each(refused)('refused when %s', (_, caller, wanted, why) => {
  expect(grantedIdentity(caller, wanted, rules())).toEqual({ refused: expect.stringMatching(why) });
});

test('the calling pod runs as another account than the token says', () => {
  const { pods, ...others } = rules();
  pods.set('istio-system/ztunnel-a', { namespace: 'istio-system', uid: 'u1', serviceAccount: 'other', node: 'a', failed: false });
  expect(grantedIdentity(ztunnel, client, { ...others, pods })).toEqual({ refused: expect.stringMatching(/runs as other/) });
});

test('an identity is granted until its last pod leaves the node', () => {
  const { pods, ...others } = rules();
  pods.set('default/client-2', { namespace: 'default', uid: 'c2', serviceAccount: 'client', node: 'a', failed: false });
  pods.set('default/client', undefined);
  expect(grantedIdentity(ztunnel, client, { ...others, pods })).toHaveProperty('identity');
  pods.set('default/client-2', { namespace: 'default', uid: 'c2', serviceAccount: 'client', node: 'b', failed: false });
  expect(grantedIdentity(ztunnel, client, { ...others, pods })).toHaveProperty('refused');
});
