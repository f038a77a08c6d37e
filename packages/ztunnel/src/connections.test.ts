// The register of open connections: who is on it, who is cut and why, and what config_dump lists.
// Beside connections.ts; which connections a policy forbids is inbound/recheck.test.ts.
// Real sockets play no part: a connection says by a function how it is cut.
import type { SocketAddress } from '@ambient-mesh/model/address';
import { ip } from '@ambient-mesh/model/testing';
import { describe, expect, test } from 'vitest';
import { Connections, type Cut, type Entry, type Proof } from './connections.ts';

const at = (address: string, port: number): SocketAddress => ({ ip: ip(address), port });
const entry = (more: Partial<Entry> = {}): Entry => ({
  from: at('10.0.0.1', 4000),
  originalDst: '10.0.0.2:80',
  to: at('10.0.0.2', 15008),
  protocol: 'HBONE',
  peers: [],
  ...more,
});
const policy: Cut = { because: 'policy', policy: 'ns/deny', text: 'explicitly denied by: ns/deny' };
const drain: Cut = { because: 'drain' };

describe('one connection', () => {
  test('is cut the way it said', () => {
    const cuts: Cut[] = [];
    const connection = new Connections().inbound(entry());
    connection.whenCut((why) => cuts.push(why));
    expect(connection.cutBecause).toBeUndefined();
    connection.cut(policy);
    expect(cuts).toEqual([policy]);
    expect(connection.cutBecause).toBe(policy);
  });

  test('cut before it said how, it learns at once', () => {
    const cuts: Cut[] = [];
    const connection = new Connections().outbound(entry());
    connection.cut(drain);
    connection.whenCut((why) => cuts.push(why));
    expect(cuts).toEqual([drain]);
  });

  test('is cut once, for the first reason', () => {
    const cuts: Cut[] = [];
    const connection = new Connections().inbound(entry());
    connection.whenCut((why) => cuts.push(why));
    connection.cut(policy);
    connection.cut(drain);
    expect([cuts, connection.cutBecause]).toEqual([[policy], policy]);
  });

  test('a later way of cutting replaces the earlier', () => {
    const ways: string[] = [];
    const connection = new Connections().inbound(entry());
    connection.whenCut(() => ways.push('while dialling'));
    connection.whenCut(() => ways.push('while relaying'));
    connection.cut(drain);
    expect(ways).toEqual(['while relaying']);
  });

  test('is off the register when it is over, and out of reach', () => {
    const connections = new Connections();
    const ways: string[] = [];
    {
      using connection = connections.inbound(entry());
      connection.whenCut(() => ways.push('cut'));
      expect([...connections.openInbound()]).toEqual([connection]);
    }
    connections.cutAll(drain);
    expect([[...connections.openInbound()], ways]).toEqual([[], []]);
  });
});

describe('all of them', () => {
  test('the register is empty with the last one', () => {
    const connections = new Connections();
    const open = [connections.inbound(entry()), connections.inbound(entry()), connections.outbound(entry())];
    for (const connection of open) connection[Symbol.dispose]();
    expect(connections.rows()).toEqual({ inbound: [], outbound: [] });
  });

  test('cutting all reaches both sides, and connections that end by it', () => {
    const connections = new Connections();
    const open = [connections.inbound(entry()), connections.inbound(entry()), connections.outbound(entry())];
    for (const connection of open) connection.whenCut(() => connection[Symbol.dispose]());
    connections.cutAll(drain);
    expect(open.map(({ cutBecause }) => cutBecause)).toEqual([drain, drain, drain]);
    expect(connections.rows()).toEqual({ inbound: [], outbound: [] });
  });

  test('one that comes after all were cut is cut at once: it was on its way', () => {
    const connections = new Connections();
    connections.cutAll(drain);
    const cuts: Cut[] = [];
    for (const late of [connections.inbound(entry()), connections.outbound(entry())]) late.whenCut((why) => cuts.push(why));
    expect(cuts).toEqual([drain, drain]);
  });

  const proof = (name: string): Proof => ({ chain: [Buffer.from(name)], rootsPem: [] });
  const revoked = (peer: Proof) => peer.chain[0]?.toString() === 'revoked';
  const peers: readonly (readonly [rule: string, peers: readonly Proof[], cut: boolean])[] = [
    ['a peer that is revoked', [proof('revoked')], true],
    ['a peer that is not', [proof('good')], false],
    ['either peer of a tunnel in a tunnel', [proof('good'), proof('revoked')], true],
    ['no tunnel at all', [], false],
  ];
  test.each(peers)('revocation looks at %s', (_, given, cut) => {
    const connections = new Connections();
    const sides = [connections.inbound(entry({ peers: given })), connections.outbound(entry({ peers: given }))];
    const count = cut ? 1 : 0;
    expect(connections.cutRevoked(revoked)).toEqual({ inbound: count, outbound: count });
    expect(sides.map(({ cutBecause }) => cutBecause)).toEqual(
      cut ? [{ because: 'revoked' }, { because: 'revoked' }] : [undefined, undefined],
    );
  });

  test('a peer learned of later counts too', () => {
    const connections = new Connections();
    const connection = connections.outbound(entry());
    connection.entry.peers = [proof('revoked')];
    expect(connections.cutRevoked(revoked)).toEqual({ inbound: 0, outbound: 1 });
  });

  test('config_dump rows', () => {
    const connections = new Connections();
    connections.inbound(entry({ originalDst: undefined, protocol: 'TCP', from: at('fd00::1', 9) }));
    const out = connections.outbound(entry());
    out.entry.to = at('10.0.0.9', 15_009);
    out.entry.protocol = 'DOUBLEHBONE';
    expect(connections.rows()).toEqual({
      inbound: [{ src: '[fd00::1]:9', originalDst: null, actualDst: '10.0.0.2:15008', protocol: 'TCP' }],
      outbound: [{ src: '10.0.0.1:4000', originalDst: '10.0.0.2:80', actualDst: '10.0.0.9:15009', protocol: 'DOUBLEHBONE' }],
    });
  });
});
