// Heads that a configured filter may have spoilt: what is left out, and what cannot be written at all.
import { describe, expect, test } from 'vitest';
import { headers } from '../testing/hbone-frames.ts';
import { blocksOf, clientRig, get, requestLines, serverRig, settle, statusOf, Told } from '../testing/http2-rig.ts';
import { interimList, requestList, responseList, trailerList } from './write-head.ts';

describe('requests', () => {
  const unwritable: readonly (readonly [rule: string, change: object])[] = [
    ['CONNECT', { method: 'CONNECT' }],
    ['a method with a blank', { method: 'GET /' }],
    ['a path without a slash', { path: 'a' }],
    ['a path with a line break', { path: '/\r\n' }],
    ['* for GET', { path: '*' }],
    ['an authority with a user', { authority: 'a@b' }],
    ['a line break in a value', { headers: [['a', 'b\r\nc: d']] }],
    ['a character that latin1 would turn into a line feed', { headers: [['a', '\u010a']] }],
    ['an upper-case name', { headers: [['A', 'b']] }],
    ['a pseudo-header among the headers', { headers: [[':path', '/admin']] }],
  ];
  for (const [rule, change] of unwritable) test(`unwritable: ${rule}`, () => expect(requestList({ ...get, ...change })).toBeUndefined());

  test('what concerns one connection is left out, and blanks around values', () => {
    const head = {
      ...get,
      headers: [
        ['te', 'gzip'],
        ['host', 'x'],
        ['upgrade', 'y'],
        ['a', ' b\t'],
        ['te', 'trailers'],
      ] as const,
    };
    expect(requestList(head)?.slice(4)).toEqual([
      ['a', 'b'],
      ['te', 'trailers'],
    ]);
  });

  test('an unwritable one ends as malformed, and the connection stays', async () => {
    const { client, peer, events } = clientRig();
    const told = new Told();
    client.request({ ...get, path: 'nowhere' }, true, told);
    expect(told.calls).toEqual([]);
    await settle();
    expect([told.ending, told.calls, client.free, client.active]).toEqual(['http.malformed', ['closed'], true, 0]);
    client.request(get, true, new Told());
    await settle();
    expect([blocksOf(peer, 1).length, events.includes('unusable')]).toEqual([1, false]);
  });

  test('one on a connection that is not free ends as refused; given up, it is silent', async () => {
    const { client } = clientRig();
    client.destroy();
    const told = new Told();
    const silent = new Told();
    client.request(get, true, told);
    client.request(get, true, silent).abort();
    await settle();
    expect([told.ending, silent.calls]).toEqual(['http.refused', []]);
  });
});

describe('responses', () => {
  const statuses: readonly (readonly [status: number, response: boolean, interim: boolean])[] = [
    [99, false, false],
    [100, false, true],
    [101, false, false],
    [103, false, true],
    [200, true, false],
    [599, true, false],
    [600, false, false],
    [200.5, false, false],
  ];
  for (const [status, response, interim] of statuses) {
    test(`${status}`, () => {
      const written = [responseList({ status, headers: [] }), interimList(status, [])].map((list) => list !== undefined);
      expect(written).toEqual([response, interim]);
    });
  }

  test('in place of an unwritable one the client gets 500', async () => {
    const { peer } = serverRig((request) => {
      request.respond({ status: 200, headers: [['a', 'b\nc']] }, false);
      request.write(Buffer.from('dropped'));
      request.end();
    });
    peer.send(headers(1, requestLines(), true));
    await settle();
    expect([statusOf(peer, 1), peer.of(0, 1)]).toEqual(['500', []]);
  });

  test('trailers that cannot be written are left out', () => {
    expect(
      trailerList([
        ['a', 'b'],
        ['C', 'd'],
        ['e', 'f\ng'],
        ['content-length', '1'],
        [':status', '200'],
      ]),
    ).toEqual([['a', 'b']]);
  });
});
