// One connection, driven octet by octet: order of requests, when it is kept, early answers, what ends it.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import type { ServedRequest } from '../http/exchange.ts';
import { echo, Heard, settled, TestConduit } from '../testing/http1.ts';
import { Http1Server } from './server.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (body: string, ...fields: string[]): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n${body}`;

interface Opened {
  readonly conduit: TestConduit;
  readonly server: Http1Server;
  readonly requests: ServedRequest[];
  readonly refusals: number[];
  readonly ends: unknown[];
  readonly clock: ReturnType<typeof fakeClock>;
}

function open(onRequest: (request: ServedRequest) => void = () => {}, early: readonly Buffer[] = []): Opened {
  const conduit = new TestConduit();
  const requests: ServedRequest[] = [];
  const refusals: number[] = [];
  const ends: unknown[] = [];
  const clock = fakeClock();
  const server = new Http1Server(conduit, {
    clock,
    early,
    onRequest: (request) => {
      requests.push(request);
      onRequest(request);
    },
    onClosed: (how) => ends.push(how),
    malformed: (status) => refusals.push(status),
  });
  return { conduit, server, requests, refusals, ends, clock };
}

/** After a first request. */
async function openUsed(): Promise<Opened> {
  let first = true;
  const opened = open((request) => {
    if (first) answer(request);
    first = false;
  });
  opened.conduit.feed(get);
  await settled();
  opened.requests.pop();
  opened.conduit.written = '';
  return opened;
}

const answer = (request: ServedRequest): void => request.respond({ status: 200, headers: [] }, true);
const whole = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const wholeAndClose = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

describe('requests in sequence', () => {
  test('the next one is read when the one before it is answered', async () => {
    const { conduit, requests } = open();
    conduit.feed(get + get);
    expect(requests.length).toBe(1);
    answer(requests[0] as ServedRequest);
    await settled();
    expect([requests.length, conduit.written]).toEqual([2, whole]);
  });

  test('what comes meanwhile stays with the sender', () => {
    const { conduit } = open();
    conduit.feed(get);
    for (let i = 0; i < 100; i++) conduit.feed('x'.repeat(1000));
    expect(conduit.held).toBe(99_000);
  });

  test('bytes that were read before come first', async () => {
    const { conduit, requests } = open(answer, [Buffer.from(get.slice(0, 5)), Buffer.from(get.slice(5, 9))]);
    await settled();
    conduit.feed(get.slice(9));
    await settled();
    expect([requests.length, conduit.written]).toEqual([1, whole]);
  });

  test('head, body and end of a small response leave as one write', async () => {
    const { conduit, requests } = open();
    let writes = 0;
    const write = conduit.write.bind(conduit);
    conduit.write = (bytes, slab) => {
      writes++;
      return write(bytes, slab);
    };
    conduit.feed(get);
    requests[0]?.respond({ status: 200, headers: [] }, false);
    requests[0]?.write(Buffer.from('abc'));
    requests[0]?.end([['t', 'v']]);
    await settled();
    expect([writes, conduit.written]).toEqual([1, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: v\r\n\r\n']);
  });
});

describe('the connection is kept or closed', () => {
  const rows: readonly (readonly [rule: string, request: string, kept: boolean])[] = [
    ['HTTP/1.1', get, true],
    ['asked to close', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', false],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', false],
    ['HTTP/1.0 that asks', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', true],
  ];
  test.each(rows)('%s', async (_rule, request, kept) => {
    const { conduit } = open(answer);
    conduit.feed(request);
    await settled();
    expect([conduit.ended, conduit.written.includes('connection: close')]).toEqual([!kept, !kept]);
  });

  test('shutdown while idle closes; during a request its response says so', async () => {
    const idle = await openUsed();
    idle.server.shutdown();
    expect(idle.conduit.ended).toBe(true);
    const busy = open();
    busy.conduit.feed(get);
    busy.server.shutdown();
    expect(busy.conduit.ended).toBe(false);
    answer(busy.requests[0] as ServedRequest);
    await settled();
    expect([busy.conduit.ended, busy.conduit.written]).toEqual([true, wholeAndClose]);
  });

  test('what comes after the last response is dropped, up to a limit and for a while', async () => {
    const { conduit, server, requests } = await openUsed();
    server.shutdown();
    conduit.feed(get);
    expect([requests.length, conduit.over]).toEqual([0, 'no']);
    conduit.feed('x'.repeat(300_000));
    expect(conduit.over).toBe('closed');
    const other = await openUsed();
    other.server.shutdown();
    await other.clock.advance(ms(5_001));
    expect(other.conduit.over).toBe('closed');
    await settled();
    expect(other.ends).toEqual(['finished']);
  });

  test('shutdown before the first request: one is served, for a while', async () => {
    const asking = open(answer);
    asking.server.shutdown();
    asking.conduit.feed(get + get);
    await settled();
    expect([asking.requests.length, asking.conduit.written, asking.conduit.ended]).toEqual([1, wholeAndClose, true]);
    const silent = open();
    silent.server.shutdown();
    await silent.clock.advance(ms(5_001));
    expect(silent.conduit.ended).toBe(true);
  });

  test('idle for an hour', async () => {
    const { conduit, clock } = open(answer);
    await clock.advance(ms(3_000_000));
    conduit.feed(get);
    await settled();
    await clock.advance(ms(3_000_000));
    expect(conduit.ended).toBe(false);
    await clock.advance(ms(700_000));
    expect(conduit.ended).toBe(true);
  });

  test('a head that takes too long', async () => {
    const { conduit, clock, refusals } = open();
    conduit.feed('GET / HT');
    await clock.advance(ms(10_001));
    expect([refusals, conduit.ended, conduit.written.slice(0, 12)]).toEqual([[408], true, 'HTTP/1.1 408']);
  });
});

describe('bodies and answers', () => {
  test('a response may begin before the body has come, and both go on', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed(post('abcdef').slice(0, -3));
    const [request] = requests;
    request?.receive(heard);
    request?.respond({ status: 200, headers: [] }, false);
    await settled();
    expect(heard.body).toBe('abc');
    conduit.feed('def');
    request?.end();
    await settled();
    expect([heard.body, heard.log]).toEqual(['abcdef', ['end', 'finished']]);
  });

  test('a body that nobody wants is dropped, and the next request is served', async () => {
    const { conduit, requests } = open(answer);
    conduit.feed(post('x'.repeat(1000)).slice(0, -500));
    await settled();
    conduit.feed(`${'x'.repeat(500)}${get}`);
    await settled();
    expect([requests.length, conduit.written]).toEqual([2, whole + whole]);
  });

  test('too much of it closes the connection', async () => {
    const { conduit, requests } = open(answer);
    conduit.feed(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n`);
    await settled();
    conduit.feed('x'.repeat(300_000));
    expect([requests.length, conduit.ended]).toEqual([1, true]);
  });

  test('so does waiting for it', async () => {
    const { conduit, clock } = open(answer);
    conduit.feed(post('abc').slice(0, -1));
    await settled();
    await clock.advance(ms(5_001));
    expect(conduit.ended).toBe(true);
  });

  test('an answer instead of 100: the body may not come, so nothing after it is trusted', async () => {
    const { conduit, requests } = open(answer);
    conduit.feed(post('abc', 'Expect: 100-continue').slice(0, -3));
    await settled();
    conduit.feed(get);
    await settled();
    expect([requests.length, conduit.written, conduit.ended]).toEqual([1, wholeAndClose, true]);
  });

  test('interim responses', async () => {
    const { conduit, requests } = open();
    conduit.feed(post('abc', 'Expect: 100-continue').slice(0, -3));
    requests[0]?.inform(100, []);
    requests[0]?.inform(103, [['link', 'x']]);
    await settled();
    expect(conduit.written).toBe('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n');
  });

  test('a response that is shorter than announced closes the connection', async () => {
    const { conduit, requests } = open();
    conduit.feed(get + get);
    requests[0]?.respond({ status: 200, headers: [['content-length', '5']] }, false);
    requests[0]?.write(Buffer.from('abc'));
    requests[0]?.end();
    await settled();
    expect([conduit.ended, requests.length]).toEqual([true, 1]);
  });

  test('one that is longer loses the surplus, and closes', async () => {
    const { conduit, requests } = open();
    conduit.feed(get);
    requests[0]?.respond({ status: 200, headers: [['content-length', '3']] }, false);
    requests[0]?.write(Buffer.from('abcdef'));
    requests[0]?.write(Buffer.from('ghi'));
    requests[0]?.end();
    await settled();
    expect([conduit.ended, conduit.written.split('\r\n\r\n')[1]]).toEqual([true, 'abc']);
  });

  test('a head that cannot be written becomes a 500', async () => {
    const { conduit, requests } = open();
    conduit.feed(get);
    requests[0]?.respond({ status: 200, headers: [['x', 'a\r\nb: c']] }, false);
    requests[0]?.write(Buffer.from('secret'));
    requests[0]?.end();
    await settled();
    expect(conduit.written).toBe('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });

  test('abort is noticed', async () => {
    const { conduit, requests, ends } = open();
    conduit.feed(get);
    requests[0]?.respond({ status: 200, headers: [] }, false);
    requests[0]?.abort();
    await settled();
    expect([conduit.over, ends]).toEqual(['broken', ['gone']]);
  });

  test('back-pressure reaches the one who writes', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed(get);
    requests[0]?.receive(heard);
    requests[0]?.respond({ status: 200, headers: [] }, false);
    conduit.full = true;
    expect(requests[0]?.write(Buffer.alloc(10_000))).toBe(false);
    await settled();
    conduit.drain();
    expect(heard.log).toEqual(['end', 'drained']);
  });

  test('a slow reader of the body pauses the connection', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`);
    requests[0]?.receive(heard);
    requests[0]?.pause();
    await settled();
    requests[0]?.pause();
    for (let i = 0; i < 10; i++) conduit.feed('x'.repeat(100_000));
    expect(heard.body.length + conduit.held).toBeGreaterThanOrEqual(900_000);
    requests[0]?.resume();
    await settled();
    expect([heard.body.length, heard.log]).toEqual([1_000_000, ['end']]);
  });
});

describe('a change of protocol', () => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

  test('accepted: both directions are raw', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed(`${upgrade}early`);
    requests[0]?.receive(heard);
    await settled();
    expect(heard.log).toEqual([]);
    requests[0]?.respond({ status: 101, headers: [['x', 'y']] }, false);
    requests[0]?.write(Buffer.from('raw'));
    await settled();
    conduit.feed(' late');
    conduit.feedEnd();
    requests[0]?.end();
    expect([heard.body, heard.log, conduit.ended]).toEqual(['early late', ['end'], true]);
    expect(conduit.written).toBe('HTTP/1.1 101 Switching Protocols\r\nx: y\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw');
    conduit.fail('finished');
    expect(heard.log).toEqual(['end', 'finished']);
  });

  test('declined: the connection goes on', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed(upgrade + get);
    requests[0]?.receive(heard);
    answer(requests[0] as ServedRequest);
    await settled();
    expect([heard.log, requests.length]).toEqual([['end', 'finished'], 2]);
  });

  test('one that nobody asked for is a 500', async () => {
    const { conduit, requests } = open();
    conduit.feed(get);
    requests[0]?.respond({ status: 101, headers: [] }, false);
    await settled();
    expect(conduit.written.slice(0, 12)).toBe('HTTP/1.1 500');
  });
});

describe('trouble', () => {
  const rows: readonly (readonly [rule: string, bytes: string, status: number])[] = [
    ['bare LF only, without waiting for more', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['both lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a head without end', `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(20_000)}`, 431],
    ['a request line without end', `GET /${'a'.repeat(70_000)}`, 414],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ];
  test.each(rows)('%s', async (_rule, bytes, status) => {
    const { conduit, requests, refusals } = open();
    conduit.feed(bytes);
    conduit.feed(get);
    await settled();
    expect([requests.length, refusals, conduit.ended]).toEqual([0, [status], true]);
    expect(conduit.written).toMatch(new RegExp(`^HTTP/1.1 ${status} [^\r]+\r\n(?:[^\r]+\r\n)*connection: close\r\n\r\n[^\n]+\n$`));
  });

  test('a malformed body: whoever reads it is told, and the client gets a 400', async () => {
    const { conduit, requests, refusals } = open(echo);
    conduit.feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    await settled();
    expect([requests.length, refusals, conduit.written.slice(0, 12), conduit.ended]).toEqual([1, [400], 'HTTP/1.1 400', true]);
  });

  test('after the response has begun, the connection is cut', async () => {
    const { conduit, requests } = open();
    const heard = new Heard();
    conduit.feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    requests[0]?.receive(heard);
    requests[0]?.respond({ status: 200, headers: [] }, false);
    await settled();
    conduit.feed('zz\r\n');
    expect([heard.log, conduit.over]).toEqual([['http.malformed'], 'broken']);
  });

  test.each(['end', 'closed', 'destroyed'])('the client has gone (%s)', async (how) => {
    const { conduit, requests, ends, server } = open();
    const heard = new Heard();
    conduit.feed(get);
    requests[0]?.receive(heard);
    await settled();
    if (how === 'end') conduit.feedEnd();
    else if (how === 'closed') conduit.fail('gone');
    else server.destroy();
    requests[0]?.respond({ status: 200, headers: [] }, true);
    await settled();
    expect([heard.log, ends.length, conduit.written]).toEqual([['end', 'http.lost'], 1, '']);
  });
});
