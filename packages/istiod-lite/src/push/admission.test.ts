// Who may open an xDS stream.
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { expect, test } from 'vitest';
import type { Authenticated } from '../sign/authenticate.ts';
import { admit, type SaidNode } from './admission.ts';

const tunnel: Authenticated = { identities: [spiffeId('td', 'istio-system', 'ztunnel')], by: 'token' };

const rows: readonly (readonly [string, Authenticated, SaidNode, 'ok' | 'unauthenticated' | 'permission-denied'])[] = [
  ['namespace and account fit', tunnel, { namespace: 'istio-system', serviceAccount: 'ztunnel' }, 'ok'],
  ['the namespace fits and no account is said', tunnel, { namespace: 'istio-system', serviceAccount: '' }, 'ok'],
  ['the account is another', tunnel, { namespace: 'istio-system', serviceAccount: 'istiod' }, 'permission-denied'],
  ["the node is another namespace's", tunnel, { namespace: 'default', serviceAccount: 'ztunnel' }, 'permission-denied'],
  ['the node says no namespace', tunnel, { namespace: '', serviceAccount: '' }, 'permission-denied'],
  ['nobody knows the caller', { refused: 'expired' }, { namespace: 'istio-system', serviceAccount: '' }, 'unauthenticated'],
];
test.each(rows)('%s', (_, caller, node, expected) => {
  const admission = admit(caller, node);
  expect('ok' in admission ? 'ok' : admission.refused).toBe(expected);
});
