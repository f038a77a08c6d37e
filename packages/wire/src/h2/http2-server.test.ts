// A server of HTTP requests against a client that speaks frame by frame: what is refused and how, and what a request becomes.

import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../http/message.ts';
import { data, frame, headers, settings, u32 } from '../testing/hbone-frames.ts';
import { blocksOf, requestLines, serverRig, settle, statusOf, Told } from '../testing/http2-rig.ts';
import { errorCode, flag, frameType } from './protocol.ts';

describe('a request that is malformed is answered, and never gets through', () => {
  const rows: readonly (readonly [rule: string, list: HeaderList, status?: string])[] = [
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'shop.test:80'],
      ],
      '405',
    ],
    ['extended CONNECT, which nobody offered', requestLines({ ':method': 'CONNECT', ':protocol': 'websocket' })],
    ['CONNECT with a path', requestLines({ ':method': 'CONNECT' })],
    ['an upper-case name', requestLines({}, ['X-Upper', 'a'])],
    ['a blank in a name', requestLines({}, ['a b', 'c'])],
    ['a colon inside a name', requestLines({}, ['a:b', 'c'])],
    ['an empty name', requestLines({}, ['', 'c'])],
    ['a line break in a name', requestLines({}, ['a\r\nb', 'c'])],
    ['a name with octets above ASCII', requestLines({}, ['caf\u00e9', 'c'])],
    ['CR in a value', requestLines({}, ['a', 'b\rc'])],
    ['LF in a value', requestLines({}, ['a', 'b\nc'])],
    ['a header smuggled in a value', requestLines({}, ['a', 'b\r\ntransfer-encoding: chunked'])],
    ['NUL in a value', requestLines({}, ['a', 'b\0c'])],
    ['another control character in a value', requestLines({}, ['a', 'b\u0001c'])],
    ['DEL in a value', requestLines({}, ['a', 'b\u007f'])],
    ['a blank before a value', requestLines({}, ['a', ' b'])],
    ['a tab after a value', requestLines({}, ['a', 'b\t'])],
    ['connection', requestLines({}, ['connection', 'close'])],
    ['proxy-connection', requestLines({}, ['proxy-connection', 'close'])],
    ['keep-alive', requestLines({}, ['keep-alive', 'timeout=5'])],
    ['transfer-encoding', requestLines({}, ['transfer-encoding', 'chunked'])],
    ['transfer-encoding beside a length', requestLines({ ':method': 'POST' }, ['content-length', '0'], ['transfer-encoding', 'chunked'])],
    ['upgrade', requestLines({}, ['upgrade', 'h2c'])],
    ['http2-settings', requestLines({}, ['http2-settings', 'AAMAAABk'])],
    ['te other than trailers', requestLines({}, ['te', 'gzip'])],
    ['two lengths that differ', requestLines({}, ['content-length', '0'], ['content-length', '1'])],
    ['two lengths that agree', requestLines({}, ['content-length', '0'], ['content-length', '0'])],
    ['a length with a sign', requestLines({}, ['content-length', '+0'])],
    ['a negative length', requestLines({}, ['content-length', '-1'])],
    ['a list of lengths', requestLines({}, ['content-length', '0, 0'])],
    ['a hexadecimal length', requestLines({}, ['content-length', '0x0'])],
    ['an empty length', requestLines({}, ['content-length', ''])],
    ['a length beyond all bounds', requestLines({}, ['content-length', '99999999999999999999'])],
    ['a length, and no body', requestLines({}, ['content-length', '5'])],
    ['no method', requestLines({ ':method': undefined })],
    ['a method that is no token', requestLines({ ':method': 'GET /admin HTTP/1.1' })],
    ['an empty method', requestLines({ ':method': '' })],
    ['no scheme', requestLines({ ':scheme': undefined })],
    ['another scheme', requestLines({ ':scheme': 'file' })],
    ['a scheme that continues', requestLines({ ':scheme': 'http://evil.test/' })],
    ['no path', requestLines({ ':path': undefined })],
    ['an empty path', requestLines({ ':path': '' })],
    ['a path that does not begin with a slash', requestLines({ ':path': 'admin' })],
    ['an absolute URI as path', requestLines({ ':path': 'http://evil.test/' })],
    ['* for a method other than OPTIONS', requestLines({ ':path': '*' })],
    ['a path with a blank', requestLines({ ':path': '/ HTTP/1.1' })],
    ['a path with a tab', requestLines({ ':path': '/\tx' })],
    ['a path with a line break', requestLines({ ':path': '/ HTTP/1.1\r\nhost: evil.test\r\n\r\nGET /' })],
    ['a path with a fragment', requestLines({ ':path': '/a#b' })],
    ['a path with octets above ASCII', requestLines({ ':path': '/caf\u00e9' })],
    ['no authority at all', requestLines({ ':authority': undefined })],
    ['an empty authority', requestLines({ ':authority': '' })],
    ['an authority with a user', requestLines({ ':authority': 'user@shop.test' })],
    ['an authority with user and password', requestLines({ ':authority': 'a:b@shop.test' })],
    ['an authority with a path', requestLines({ ':authority': 'shop.test/admin' })],
    ['an authority with a blank', requestLines({ ':authority': 'shop.test evil.test' })],
    ['an authority with a port that is no number', requestLines({ ':authority': 'shop.test:http' })],
    ['an authority with a line break', requestLines({ ':authority': 'shop.test\r\nx: y' })],
    ['a host that differs from the authority', requestLines({}, ['host', 'evil.test'])],
    ['two hosts', requestLines({ ':authority': undefined }, ['host', 'shop.test'], ['host', 'evil.test'])],
    ['two hosts that agree', requestLines({}, ['host', 'shop.test'], ['host', 'shop.test'])],
    ['a host with a user', requestLines({ ':authority': undefined }, ['host', 'a@shop.test'])],
    ['an unknown pseudo-header', requestLines({ ':version': 'HTTP/1.1' })],
    ['a pseudo-header of responses', requestLines({ ':status': '200' })],
    ['two methods', [...requestLines(), [':method', 'POST']]],
    ['two paths', [...requestLines(), [':path', '/admin']]],
    ['two authorities', [...requestLines(), [':authority', 'evil.test']]],
    ['a pseudo-header after a regular one', requestLines({ ':path': undefined }, ['a', 'b'], [':path', '/'])],
    ['a header list above 64 KB', requestLines({}, ['a', 'x'.repeat(66_000)]), '431'],
  ];
  for (const [rule, list, status = '400'] of rows) {
    test(rule, async () => {
      const { peer, requests } = serverRig();
      peer.send(headers(1, list, true), headers(3, requestLines(), true));
      await settle();
      expect([statusOf(peer, 1), peer.of(frameType.headers, 1)[0]?.flags]).toEqual([status, flag.endHeaders | flag.endStream]);
      // The connection goes on, and only the second one got through.
      expect(requests.map(({ head }) => head.path)).toEqual(['/']);
    });
  }

  test('the same on an open stream: what still comes is dropped, and after a while it is reset', async () => {
    const { peer, clock, server } = serverRig();
    peer.send(headers(1, requestLines({ ':path': 'x' })), data(1, 'some of a body'));
    await settle();
    expect([statusOf(peer, 1), peer.resetCode(1)]).toEqual(['400', undefined]);
    await clock.advance(ms(200));
    await settle();
    expect([peer.resetCode(1), server.active]).toEqual([errorCode.noError, 0]);
  });
});

describe('what a request becomes', () => {
  const rows: readonly (readonly [rule: string, list: HeaderList, want: object])[] = [
    ['nothing but its pseudo-headers', requestLines(), { method: 'GET', scheme: 'http', authority: 'shop.test', path: '/', headers: [] }],
    [
      'a host that agrees is removed',
      requestLines({}, ['host', 'SHOP.test'], ['a', 'b']),
      { authority: 'shop.test', headers: [['a', 'b']] },
    ],
    [
      'only a host: it is the authority',
      requestLines({ ':authority': undefined }, ['host', 'shop.test:81']),
      { authority: 'shop.test:81', headers: [] },
    ],
    [
      'pieces of a cookie are joined where the first stood',
      requestLines({}, ['cookie', 'a=1'], ['x', 'y'], ['cookie', 'b=2'], ['cookie', 'c=3']),
      {
        headers: [
          ['cookie', 'a=1; b=2; c=3'],
          ['x', 'y'],
        ],
      },
    ],
    [
      'other names stay apart',
      requestLines({}, ['x', '1'], ['x', '2']),
      {
        headers: [
          ['x', '1'],
          ['x', '2'],
        ],
      },
    ],
    ['te: trailers stays', requestLines({}, ['te', 'trailers']), { headers: [['te', 'trailers']] }],
    ['OPTIONS *', requestLines({ ':method': 'OPTIONS', ':path': '*' }), { path: '*' }],
    ['an IPv6 authority', requestLines({ ':authority': '[2001:db8::1]:8080' }), { authority: '[2001:db8::1]:8080' }],
    ['a query of odd characters', requestLines({ ':path': '/a?b=|{}^`"<>\\' }), { path: '/a?b=|{}^`"<>\\' }],
    ['an empty value', requestLines({}, ['a', '']), { headers: [['a', '']] }],
    ['octets above ASCII in a value', requestLines({}, ['a', '\u00e9\u00ff']), { headers: [['a', '\u00e9\u00ff']] }],
    ['length 0 without a body', requestLines({ ':method': 'POST' }, ['content-length', '0']), { headers: [['content-length', '0']] }],
  ];
  for (const [rule, list, want] of rows) {
    test(rule, async () => {
      const { peer, requests } = serverRig();
      peer.send(headers(1, list, true));
      await settle();
      expect(requests[0]).toMatchObject({ head: want, version: 'HTTP/2', bodyless: true });
    });
  }

  test('no list of any names and values makes a head that HTTP/1.1 could not say', async () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 6 });
    const name = fc.oneof(fc.constantFrom(':method', ':path', ':authority', ':scheme', 'host', 'cookie', 'content-length', 'te'), text);
    const value = fc.oneof(fc.constantFrom('GET', '/', 'shop.test', 'http', '5'), text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (more) => {
        const { peer, requests, closed } = serverRig();
        peer.send(headers(1, [...requestLines(), ...more], true));
        await settle();
        expect(closed).toEqual([]);
        for (const { head } of requests) {
          const line = `${head.method} ${head.path} ${head.authority}`;
          expect(line).toMatch(/^[!-~]+ [!-~]+ [!-~]+$/);
          for (const [n, v] of head.headers) expect(`${n}: ${v}`).toMatch(/^[!#-'*+\-.^_`|~0-9a-z]+: [\t\x20-\x7e\x80-\xff]*$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('bodies', () => {
  const post = (...more: HeaderList): HeaderList => requestLines({ ':method': 'POST' }, ...more);
  const rows: readonly (readonly [rule: string, frames: readonly Buffer[], ending: string | undefined, reset?: number])[] = [
    ['as long as declared', [headers(1, post(['content-length', '3'])), data(1, 'ab'), data(1, 'c', true)], undefined],
    [
      'longer than declared',
      [headers(1, post(['content-length', '3'])), data(1, 'ab'), data(1, 'cd')],
      'http.malformed',
      errorCode.protocol,
    ],
    ['shorter than declared', [headers(1, post(['content-length', '3'])), data(1, 'ab', true)], 'http.malformed', errorCode.protocol],
    [
      'shorter, with trailers',
      [headers(1, post(['content-length', '3'])), data(1, 'ab'), headers(1, [['a', 'b']], true)],
      'http.malformed',
      errorCode.protocol,
    ],
    ['undeclared', [headers(1, post()), data(1, 'ab'), data(1, '', true)], undefined],
    ['pseudo-headers in trailers', [headers(1, post()), headers(1, [[':path', '/']], true)], 'http.malformed', errorCode.protocol],
    ['a line break in trailers', [headers(1, post()), headers(1, [['a', 'b\r\nc']], true)], 'http.malformed', errorCode.protocol],
    ['a second head that does not end the stream', [headers(1, post()), headers(1, [['a', 'b']])], 'http.malformed', errorCode.protocol],
    ['cancelled by the client', [headers(1, post()), frame(frameType.reset, 0, 1, u32(errorCode.cancel))], 'http.reset'],
  ];
  for (const [rule, frames, ending, reset] of rows) {
    test(rule, async () => {
      const told = new Told();
      const { peer } = serverRig((request) => request.receive(told));
      peer.send(...frames);
      await settle();
      expect([told.ending, peer.resetCode(1)]).toEqual([ending, reset]);
      if (ending === undefined) expect(told.calls).toEqual(['data', 'end']);
    });
  }

  test('trailers arrive with the end, without what may not stand in them', async () => {
    const told = new Told();
    const { peer } = serverRig((request) => request.receive(told));
    peer.send(
      headers(1, post()),
      data(1, 'x'),
      headers(
        1,
        [
          ['x-sum', '7'],
          ['content-length', '9'],
          ['host', 'evil.test'],
        ],
        true,
      ),
    );
    await settle();
    expect([told.trailers, told.calls]).toEqual([[['x-sum', '7']], ['data', 'end']]);
  });

  test('a connection that is lost in between is told', async () => {
    const told = new Told();
    const { peer, closed } = serverRig((request) => request.receive(told));
    peer.send(headers(1, post()), data(1, 'x'));
    await settle();
    peer.socket.end();
    await settle();
    expect([told.ending, closed]).toEqual(['http.lost', ['h2.socket']]);
  });
});

describe('responses', () => {
  test('interim, head, body and trailers, without what HTTP/2 forbids', async () => {
    const told = new Told();
    const { peer } = serverRig((request) => {
      request.receive(told);
      request.inform(103, [['link', '</a>']]);
      request.respond(
        {
          status: 201,
          headers: [
            ['a', 'b'],
            ['connection', 'close'],
            ['transfer-encoding', 'chunked'],
          ],
        },
        false,
      );
      request.write(Buffer.from('hello'));
      request.end([
        ['grpc-status', '0'],
        ['content-length', '1'],
      ]);
    });
    peer.send(headers(1, requestLines(), true));
    await settle();
    expect(blocksOf(peer, 1)).toEqual([
      [
        [':status', '103'],
        ['link', '</a>'],
      ],
      [
        [':status', '201'],
        ['a', 'b'],
      ],
      [['grpc-status', '0']],
    ]);
    expect(peer.frames.filter((f) => f.stream === 1).map((f) => [f.type, f.flags])).toEqual([
      [frameType.headers, flag.endHeaders],
      [frameType.headers, flag.endHeaders],
      [frameType.data, 0],
      [frameType.headers, flag.endHeaders | flag.endStream],
    ]);
    expect(told.ending).toBe('finished');
  });

  test('trailers wait for a body that waits for window', async () => {
    const { peer } = serverRig((request) => {
      request.respond({ status: 200, headers: [] }, false);
      expect(request.write(Buffer.alloc(300_000))).toBe(false);
      request.end([['a', 'b']]);
    });
    peer.send(headers(1, requestLines(), true));
    await settle();
    expect(blocksOf(peer, 1)).toHaveLength(1);
    peer.send(frame(frameType.windowUpdate, 0, 0, u32(1_000_000)), frame(frameType.windowUpdate, 0, 1, u32(1_000_000)));
    await settle();
    const got = peer.of(frameType.data, 1).reduce((sum, f) => sum + f.payload.length, 0);
    expect([got, blocksOf(peer, 1)[1]]).toEqual([300_000, [['a', 'b']]]);
    expect(peer.frames.at(-1)).toMatchObject({ type: frameType.headers, flags: flag.endHeaders | flag.endStream });
  });

  test('before the request is whole: its end is awaited a little, then the stream is reset without blame', async () => {
    const told = new Told();
    const { peer, clock, server } = serverRig((request) => {
      request.receive(told);
      request.respond({ status: 413, headers: [] }, true);
    });
    peer.send(
      headers(1, requestLines({ ':method': 'POST' })),
      data(1, 'much'),
      headers(3, requestLines({ ':method': 'POST' })),
      data(3, 'x', true),
    );
    await settle();
    expect([statusOf(peer, 1), server.active, peer.resetCode(1), peer.resetCode(3)]).toEqual(['413', 1, undefined, undefined]);
    expect(told.ending).toBe('finished');
    await clock.advance(ms(200));
    await settle();
    expect([server.active, peer.resetCode(1), peer.resetCode(3)]).toEqual([0, errorCode.noError, undefined]);
  });

  test('given up: the client notices', async () => {
    const told = new Told();
    const { peer } = serverRig((request) => {
      request.receive(told);
      request.respond({ status: 200, headers: [] }, false);
      request.abort();
    });
    peer.send(headers(1, requestLines(), true));
    await settle();
    expect([peer.resetCode(1), told.calls]).toEqual([errorCode.internal, []]);
  });

  test('a receiver that comes late learns how it ended', async () => {
    const { peer, requests } = serverRig();
    peer.send(headers(1, requestLines()), frame(frameType.reset, 0, 1, u32(errorCode.cancel)));
    await settle();
    const told = new Told();
    requests[0]?.receive(told);
    await settle();
    expect(told.calls).toEqual(['closed']);
  });
});

describe('the connection', () => {
  test('100 requests at a time are announced, and the next one is refused', async () => {
    const { peer } = serverRig();
    peer.send(...Array.from({ length: 101 }, (_, i) => headers(2 * i + 1, requestLines(), true)));
    await settle();
    expect(peer.frames[0]?.payload.subarray(0, 6)).toEqual(settings([3, 100]).subarray(9));
    expect([peer.resetCode(199), peer.resetCode(201)]).toEqual([undefined, errorCode.refusedStream]);
  });

  test('shutdown: GOAWAY, requests in progress finish, then it closes', async () => {
    const { peer, server, requests, clock, closed } = serverRig();
    peer.send(headers(1, requestLines(), true));
    await settle();
    server.shutdown();
    await clock.advance(ms(1_000));
    peer.send(headers(3, requestLines(), true));
    await settle();
    expect([requests.length, peer.goAwayCode, closed]).toEqual([1, errorCode.noError, []]);
    requests[0]?.respond({ status: 200, headers: [] }, true);
    await settle();
    expect([statusOf(peer, 1), peer.closed]).toEqual(['200', true]);
    peer.socket.end();
    await settle();
    expect(closed).toEqual(['']);
  });

  test('no PING is sent unless it is asked for', async () => {
    const { peer, clock } = serverRig();
    await clock.advance(ms(100_000));
    await settle();
    expect(peer.of(frameType.ping)).toEqual([]);
  });

  test('requests that are malformed over and over end the connection', async () => {
    const { peer } = serverRig();
    for (let at = 0; at < 1_200; at += 50) {
      peer.send(...Array.from({ length: 50 }, (_, i) => headers(2 * (at + i) + 1, requestLines({}, ['A', 'b']), true)));
      await settle();
    }
    expect(peer.goAwayCode).toBe(errorCode.enhanceYourCalm);
  });

  test('resets of requests nobody has answered end it too', async () => {
    const { peer } = serverRig();
    for (let at = 0; at < 1_200; at += 50) {
      const pair = (id: number): Buffer => Buffer.concat([headers(id, requestLines(), true), frame(frameType.reset, 0, id, u32(8))]);
      peer.send(...Array.from({ length: 50 }, (_, i) => pair(2 * (at + i) + 1)));
      await settle();
    }
    expect(peer.goAwayCode).toBe(errorCode.enhanceYourCalm);
  });
});
