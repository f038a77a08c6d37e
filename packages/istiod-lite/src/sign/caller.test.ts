// What a reviewed token says of the caller: one row for each way in which it may say too little.

import type { ReviewedToken } from '@ambient-mesh/kube/review';
import { expect, test } from 'vitest';
import { callerOf } from './caller.ts';

const wanted = { audiences: ['istio-ca'], trustDomain: 'td' };
const good = {
  authenticated: true,
  username: 'system:serviceaccount:istio-system:ztunnel',
  groups: ['system:serviceaccounts', 'system:authenticated'],
  extra: { 'authentication.kubernetes.io/pod-name': ['ztunnel-a'], 'authentication.kubernetes.io/pod-uid': ['u1'] },
  audiences: ['istio-ca'],
} as const satisfies ReviewedToken;

test('a token that is bound to a pod makes a caller with one identity and that pod', () => {
  expect(callerOf(good, wanted)).toEqual({
    identities: [
      { trustDomain: 'td', namespace: 'istio-system', serviceAccount: 'ztunnel', uri: 'spiffe://td/ns/istio-system/sa/ztunnel' },
    ],
    by: 'token',
    pod: { name: 'ztunnel-a', uid: 'u1' },
  });
});

test('a token that is bound to no pod makes a caller without one', () => {
  expect(callerOf({ ...good, extra: {} }, wanted)).not.toHaveProperty('pod');
});

const refused: readonly (readonly [string, ReviewedToken, RegExp])[] = [
  ['the API server does not accept it', { authenticated: false, error: 'token expired' }, /token expired/],
  ['it is for another audience', { ...good, audiences: ['vault'] }, /for vault, not for istio-ca/],
  ['the API server names no audience', { ...good, audiences: [] }, /no audience/],
  ['it is a user, not a service account', { ...good, groups: ['system:masters'], username: 'admin' }, /admin is not a service account/],
  ['it has the group but not the name of one', { ...good, username: 'ztunnel' }, /ztunnel is not a service account/],
  ['its name has a part too many', { ...good, username: 'system:serviceaccount:a:b:c' }, /not a service account/],
];
test.each(refused)('nobody when %s', (_, review, why) => {
  expect(callerOf(review, wanted)).toEqual({ refused: expect.stringMatching(why) });
});
