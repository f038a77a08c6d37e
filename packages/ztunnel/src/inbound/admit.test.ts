// Admission step by step: what CONNECT names, whether it is meant for this pod, whether policy lets it in, and the words of each refusal.
// Beside admit.ts. The rules behind it have tables of their own in the model; here is what the steps make of them.
// The words are part of the access log, which people search.

import { spiffeId } from '@ambient-mesh/model/spiffe';
import { delta, ip, match, meshOf, policy, workload } from '@ambient-mesh/model/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit, locate, readTarget } from './admit.ts';

const server = workload({ name: 'server', ips: ['10.0.0.2'] });
const client = spiffeId('cluster.local', 'ns', 'client');

describe('the target of a request', () => {
  const rows: readonly (readonly [rule: string, method: string, authority: string, want: object])[] = [
    ['an address', 'CONNECT', '10.0.0.2:80', { target: { ip: '10.0.0.2', port: 80 } }],
    ['an IPv6 address', 'CONNECT', '[fd00::2]:80', { target: { ip: 'fd00::2', port: 80 } }],
    ['a hostname', 'CONNECT', 'server.ns.svc.cluster.local:80', { target: { hostname: 'server.ns.svc.cluster.local', port: 80 } }],
    ['another method', 'GET', '10.0.0.2:80', { status: 400, text: 'method "GET" is not CONNECT' }],
    ['a method of any length is cut short', 'X'.repeat(99), '', { status: 400, text: `method "${'X'.repeat(32)}" is not CONNECT` }],
    ['no port', 'CONNECT', '10.0.0.2', { status: 400, text: 'authority "10.0.0.2" is not host:port' }],
    ['nothing', 'CONNECT', '', { status: 400, text: 'authority "" is not host:port' }],
    ['line breaks do not reach the log', 'CONNECT', 'a\nb:1', { status: 400, text: 'authority "a\\nb:1" is not host:port' }],
  ];
  test.each(rows)('%s', (_, method, authority, want) => {
    expect(readTarget(method, authority)).toEqual(want);
  });

  test('whatever is sent, an answer of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), fc.string({ maxLength: 2_000 }), (method, authority) => {
        const read = readTarget(method, authority);
        return 'target' in read || (read.status === 400 && read.text.length < 2_000 && !/[\n\r]/.test(read.text));
      }),
    );
  });
});

describe('the place', () => {
  const request = (authority: string) => {
    const read = readTarget('CONNECT', authority);
    if (!('target' in read)) throw new TypeError(authority);
    return {
      local: server,
      connDst: { ip: ip('10.0.0.2'), port: 15008 },
      authority: read.target,
      network: '',
      illegalPorts: new Set([15008]),
    };
  };
  const rows: readonly (readonly [rule: string, authority: string, want: object])[] = [
    ['this pod', '10.0.0.2:80', { deliver: { port: 80 } }],
    ['another pod', '10.0.0.3:80', { status: 400, text: 'ip mismatch: 10.0.0.2 != 10.0.0.3' }],
    ['an unknown hostname', 'nobody.com:80', { status: 503, text: 'unknown hostname: nobody.com' }],
    ['the tunnel itself', '10.0.0.2:15008', { status: 503, text: 'port 15008 belongs to the tunnel itself' }],
  ];
  test.each(rows)('%s', (_, authority, want) => {
    expect(locate(meshOf({ workloads: [server] }), request(authority))).toEqual(want);
  });

  test('what the control plane has not been asked yet is asked for', () => {
    expect(locate(meshOf({}), { ...request('10.0.0.3:80'), asked: new Set() })).toEqual({ need: 'address', key: '/10.0.0.3' });
  });
});

describe('policy', () => {
  const subject = {
    local: server,
    from: { ip: ip('10.0.0.1'), port: 4000 },
    identity: client,
    destination: { ip: ip('10.0.0.2'), port: 80 },
  };
  const onlyOthers = policy({ name: 'others', rules: [[[match({ principals: [{ exact: 'cluster.local/ns/ns/sa/other' }] })]]] });
  const notThem = policy({ name: 'not-them', action: 'Deny', rules: [[[match({ sourceIps: [{ ip: ip('10.0.0.0'), length: 24 }] })]]] });

  test('nothing forbids it', () => {
    expect(admit(meshOf({ workloads: [server] }), subject)).toMatchObject({ admitted: true });
  });

  test('a denial names who, to whom and by which policy', () => {
    expect(admit(meshOf({ policies: [notThem] }), subject)).toMatchObject({
      admitted: false,
      policy: 'ns/not-them',
      text: 'connection closed due to policy rejection: explicitly denied by: ns/not-them (from spiffe://cluster.local/ns/ns/sa/client to ns/server port 80)',
    });
  });

  test('a client in clear is named by its address', () => {
    expect(admit(meshOf({ policies: [onlyOthers] }), { ...subject, identity: undefined })).toMatchObject({
      admitted: false,
      text: 'connection closed due to policy rejection: allow policies exist, but none allowed (from 10.0.0.1 (no identity) to ns/server port 80)',
    });
  });

  test('without a policy to name, none is named', () => {
    expect(admit(meshOf({ policies: [onlyOthers] }), subject)).not.toHaveProperty('policy');
  });

  test('a policy that never came denies', () => {
    const mesh = meshOf({});
    const local = { ...server, authorizationPolicies: ['ns/late'] };
    expect(admit(mesh, { ...subject, local })).toMatchObject({ admitted: false, policy: 'ns/late' });
    mesh.apply(delta({ policies: [policy({ name: 'late', scope: 'WorkloadSelector', rules: [[[match({ destinationPorts: [80] })]]] })] }));
    expect(admit(mesh, { ...subject, local })).toMatchObject({ admitted: true });
  });

  test('the notes of the decision come along either way', () => {
    expect(admit(meshOf({ policies: [notThem] }), subject).notes).toEqual([{ message: 'deny policy match', policy: 'ns/not-them' }]);
    expect(admit(meshOf({}), subject).notes).toEqual([{ message: 'no allow policies, allow' }]);
  });
});
