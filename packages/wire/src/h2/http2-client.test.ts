// A client of HTTP requests against a server that speaks frame by frame: what it sends, what it takes for a response, and when it is free.
import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../http/message.ts';
import { data, frame, headers, settings, u32 } from '../testing/hbone-frames.ts';
import { blocksOf, clientRig, get, settle, Told } from '../testing/http2-rig.ts';
import { errorCode, flag, frameType } from './protocol.ts';

const ok: HeaderList = [[':status', '200']];
const goAway = (last: number, code = 0): Buffer => frame(frameType.goAway, 0, 0, u32(last, code));
const reset = (stream: number, code: number): Buffer => frame(frameType.reset, 0, stream, u32(code));

describe('what is sent', () => {
  test('a request without body ends with its head', async () => {
    const { client, peer } = clientRig();
    client.request(
      {
        ...get,
        path: '/a?b',
        headers: [
          ['x', 'y'],
          ['connection', 'close'],
          ['host', 'evil.test'],
        ],
      },
      true,
      new Told(),
    );
    await settle();
    expect(blocksOf(peer, 1)).toEqual([
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'shop.test'],
        [':path', '/a?b'],
        ['x', 'y'],
      ],
    ]);
    expect(peer.of(frameType.headers, 1)[0]?.flags).toBe(flag.endHeaders | flag.endStream);
  });

  test('body and trailers', async () => {
    const { client, peer } = clientRig();
    const sent = client.request({ ...get, method: 'POST' }, false, new Told());
    sent.write(Buffer.from('body'));
    sent.end([['x-sum', '1']]);
    await settle();
    const frames = peer.frames.filter((f) => f.stream === 1).map((f) => [f.type, f.flags]);
    expect(frames).toEqual([
      [frameType.headers, flag.endHeaders],
      [frameType.data, 0],
      [frameType.headers, flag.endHeaders | flag.endStream],
    ]);
    expect(blocksOf(peer, 1)[1]).toEqual([['x-sum', '1']]);
  });

  test('given up: CANCEL, and silence', async () => {
    const { client, peer } = clientRig();
    const told = new Told();
    client.request(get, true, told).abort();
    await settle();
    peer.send(headers(1, ok, true));
    await settle();
    expect([peer.resetCode(1), told.calls, client.active]).toEqual([errorCode.cancel, [], 0]);
  });
});

describe('what is taken for a response', () => {
  const rows: readonly (readonly [
    rule: string,
    method: string,
    frames: readonly Buffer[],
    calls: readonly string[],
    ending: string | undefined,
  ])[] = [
    ['a head that ends the stream', 'GET', [headers(1, ok, true)], ['head, last', 'end', 'closed'], 'finished'],
    ['head, body, end', 'GET', [headers(1, ok), data(1, 'abc', true)], ['head', 'data', 'end', 'closed'], 'finished'],
    ['trailers', 'GET', [headers(1, ok), data(1, 'abc'), headers(1, [['a', 'b']], true)], ['head', 'data', 'end', 'closed'], 'finished'],
    [
      'interim ones come first',
      'GET',
      [headers(1, [[':status', '103']]), headers(1, ok, true)],
      ['inform', 'head, last', 'end', 'closed'],
      'finished',
    ],
    ['HEAD with a length', 'HEAD', [headers(1, [...ok, ['content-length', '9']], true)], ['head, last', 'end', 'closed'], 'finished'],
    [
      '304 with a length',
      'GET',
      [
        headers(
          1,
          [
            [':status', '304'],
            ['content-length', '9'],
          ],
          true,
        ),
      ],
      ['head, last', 'end', 'closed'],
      'finished',
    ],
    ['a body after HEAD', 'HEAD', [headers(1, ok), data(1, 'x', true)], ['head', 'closed'], 'http.malformed'],
    ['a body after 204', 'GET', [headers(1, [[':status', '204']]), data(1, 'x')], ['head', 'closed'], 'http.malformed'],
    [
      'shorter than declared',
      'GET',
      [headers(1, [...ok, ['content-length', '9']]), data(1, 'x', true)],
      ['head', 'data', 'closed'],
      'http.malformed',
    ],
    ['longer than declared', 'GET', [headers(1, [...ok, ['content-length', '1']]), data(1, 'xy')], ['head', 'closed'], 'http.malformed'],
    ['a length, and no body', 'GET', [headers(1, [...ok, ['content-length', '1']], true)], ['closed'], 'http.malformed'],
    ['101', 'GET', [headers(1, [[':status', '101']])], ['closed'], 'http.malformed'],
    ['an interim one that ends the stream', 'GET', [headers(1, [[':status', '100']], true)], ['closed'], 'http.malformed'],
    ['no status', 'GET', [headers(1, [['a', 'b']], true)], ['closed'], 'http.malformed'],
    ['a status of two digits', 'GET', [headers(1, [[':status', '20']], true)], ['closed'], 'http.malformed'],
    ['a line break in a value', 'GET', [headers(1, [...ok, ['a', 'b\r\nc: d']], true)], ['closed'], 'http.malformed'],
    ['a connection header', 'GET', [headers(1, [...ok, ['transfer-encoding', 'chunked']], true)], ['closed'], 'http.malformed'],
    ['a body before any head', 'GET', [data(1, 'x')], ['closed'], 'http.malformed'],
    ['refused', 'GET', [reset(1, errorCode.refusedStream)], ['closed'], 'http.refused'],
    ['reset', 'GET', [reset(1, errorCode.internal)], ['closed'], 'http.reset'],
    ['cancelled before a head', 'GET', [reset(1, errorCode.cancel)], ['closed'], 'http.reset'],
    [
      'cancelled within the body',
      'GET',
      [headers(1, ok), data(1, 'x'), reset(1, errorCode.noError)],
      ['head', 'data', 'closed'],
      'http.reset',
    ],
    ['going away, without this one', 'GET', [goAway(0)], ['closed'], 'http.refused'],
    ['going away, with this one', 'GET', [goAway(1), headers(1, ok, true)], ['head, last', 'end', 'closed'], 'finished'],
  ];
  for (const [rule, method, frames, calls, ending] of rows) {
    test(rule, async () => {
      const { client, peer } = clientRig();
      const told = new Told();
      client.request({ ...get, method }, true, told);
      expect(told.calls).toEqual([]);
      await settle();
      peer.send(...frames);
      await settle();
      expect([told.calls, told.ending]).toEqual([calls, ending]);
    });
  }

  test('whole before the request is: with RST_STREAM(NO_ERROR) it is finished', async () => {
    const { client, peer } = clientRig();
    const told = new Told();
    const sent = client.request({ ...get, method: 'POST' }, false, told);
    sent.write(Buffer.from('some'));
    await settle();
    peer.send(headers(1, ok), data(1, 'enough', true), reset(1, errorCode.noError));
    await settle();
    expect([told.calls, told.ending]).toEqual([['head', 'data', 'end', 'closed'], 'finished']);
  });

  test('whole before the request is: the rest may still be sent', async () => {
    const { client, peer } = clientRig();
    const told = new Told();
    const sent = client.request({ ...get, method: 'POST' }, false, told);
    await settle();
    peer.send(headers(1, ok), data(1, 'early', true));
    await settle();
    expect(told.calls).toEqual(['head', 'data', 'end']);
    sent.end();
    await settle();
    expect(told.ending).toBe('finished');
  });

  test('a lost connection', async () => {
    const { client, peer, events } = clientRig();
    const told = new Told();
    client.request(get, true, told);
    await settle();
    peer.socket.end();
    await settle();
    expect([told.ending, client.free, events.filter((e) => e === 'unusable')]).toEqual(['http.lost', false, ['unusable']]);
  });
});

describe('free', () => {
  test('100 at a time before the server has said what it takes, then what it says', async () => {
    const { client, peer, events } = clientRig(false);
    for (let i = 0; i < 100; i++) {
      expect(client.free).toBe(true);
      client.request(get, true, new Told());
    }
    expect([client.free, client.active]).toEqual([false, 100]);
    peer.send(settings([3, 101]));
    await settle();
    expect([client.free, events]).toEqual([true, ['changed']]);
    client.request(get, true, new Told());
    expect(client.free).toBe(false);
    peer.send(headers(1, ok, true));
    await settle();
    expect([client.free, client.active, events.length]).toEqual([true, 100, 2]);
  });

  test('GOAWAY: never again; it closes when the last response has come', async () => {
    const { client, peer, events } = clientRig();
    const told = new Told();
    client.request(get, true, told);
    await settle();
    peer.send(goAway(2 ** 31 - 1));
    await settle();
    expect([client.free, events.filter((e) => e === 'unusable')]).toEqual([false, ['unusable']]);
    peer.send(headers(1, ok, true));
    await settle();
    expect([told.ending, peer.closed]).toEqual(['finished', true]);
  });

  test('shutdown: requests in progress finish', async () => {
    const { client, peer, events } = clientRig();
    const told = new Told();
    client.request(get, true, told);
    await settle();
    client.shutdown();
    expect([client.free, events]).toEqual([false, ['changed', 'unusable']]);
    peer.send(headers(1, ok, true));
    await settle();
    expect([told.ending, peer.closed]).toEqual(['finished', true]);
  });
});
