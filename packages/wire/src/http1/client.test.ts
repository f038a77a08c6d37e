// One connection to a server, driven by hand: responses of every kind, and when the connection may be used again.
import { isFault } from '@ambient-mesh/runtime/errors';
import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../http/message.ts';
import { Heard, settled, TestConduit } from '../testing/http1.ts';
import { Http1Client } from './client.ts';

const head: RequestHead = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: [] };
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc';

function open() {
  const conduit = new TestConduit();
  const events: string[] = [];
  const client = new Http1Client(conduit, { changed: () => events.push('changed'), unusable: () => events.push('unusable') });
  const send = (more: Partial<RequestHead> = {}, last = true) => {
    const heard = new Heard();
    return { heard, sent: client.request({ ...head, ...more }, last, heard) };
  };
  return { conduit, client, events, send };
}

describe('responses', () => {
  const rows: readonly (readonly [rule: string, text: string, body: string, log: readonly string[], kept: boolean])[] = [
    ['a length', ok, 'abc', ['head 200', 'end', 'finished'], true],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'abc', ['head 200', 'end', 'finished'], true],
    ['none', 'HTTP/1.1 204 x\r\n\r\n', '', ['head 204 last', 'end', 'finished'], true],
    ['length 0', 'HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n', '', ['head 200 last', 'end', 'finished'], true],
    ['close', ok.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'abc', ['head 200', 'end', 'finished'], false],
    [
      'interim ones',
      `HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 x\r\n\r\n${ok}`,
      'abc',
      ['inform 100', 'inform 103', 'head 200', 'end', 'finished'],
      true,
    ],
    ["bytes after it are nobody's", `${ok}HTTP/1.1 200 OK\r\n\r\n`, 'abc', ['head 200', 'end', 'finished'], false],
    ['no HTTP', 'hello\r\n\r\n', '', ['http.malformed'], false],
    ['bare LF', 'HTTP/1.1 200 OK\n\n', '', ['http.malformed'], false],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', '', ['head 200', 'http.malformed'], false],
    ['a change of protocol unasked', 'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n', '', ['http.malformed'], false],
    [
      'interim ones without end',
      'HTTP/1.1 103 x\r\n\r\n'.repeat(33),
      '',
      [...Array.from({ length: 32 }, () => 'inform 103'), 'http.malformed'],
      false,
    ],
  ];
  test.each(rows)('%s', async (_rule, text, body, log, kept) => {
    const { conduit, client, events, send } = open();
    const { heard } = send();
    await settled();
    conduit.feed(text);
    await settled();
    expect([heard.body, heard.log]).toEqual([body, log]);
    expect([client.free, client.active, events]).toEqual([kept, 0, [kept ? 'changed' : 'unusable']]);
  });

  test('until the end of the connection', () => {
    const { conduit, send } = open();
    const { heard } = send();
    conduit.feed('HTTP/1.1 200 OK\r\n\r\nabc');
    conduit.feed('def');
    expect(heard.log).toEqual(['head 200']);
    conduit.feedEnd();
    expect([heard.body, heard.log]).toEqual(['abcdef', ['head 200', 'end', 'finished']]);
  });

  test('octet by octet', () => {
    const { conduit, send, client } = open();
    const { heard } = send();
    for (const octet of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n') conduit.feed(octet);
    expect([heard.body, heard.trailers, client.free]).toEqual(['abc', [['t', 'v']], true]);
  });
});

describe('requests', () => {
  test('two, one after the other', async () => {
    const { conduit, client, send } = open();
    send();
    expect([client.free, client.active]).toEqual([false, 1]);
    await settled();
    conduit.feed(ok);
    const { heard, sent } = send({ method: 'POST' }, false);
    sent.write(Buffer.from('x'));
    sent.end([['t', 'v']]);
    await settled();
    conduit.feed(ok);
    expect(heard.log).toEqual(['head 200', 'end', 'finished']);
    const first = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
    expect(conduit.written).toBe(`${first}POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nt: v\r\n\r\n`);
  });

  test('a response before the request is whole is delivered, and the connection is not used again', () => {
    const { conduit, client, send } = open();
    const { heard, sent } = send({ method: 'POST' }, false);
    sent.write(Buffer.from('x'));
    conduit.feed(ok);
    expect([heard.log, client.free, conduit.over]).toEqual([['head 200', 'end', 'finished'], false, 'cancel']);
  });

  test.each([
    ['shorter', 'ab'],
    ['longer', 'abcd'],
  ])('a body %s than announced never leaves as a whole one', async (_how, body) => {
    const { conduit, send } = open();
    const { heard, sent } = send({ method: 'POST', headers: [['content-length', '3']] }, false);
    sent.write(Buffer.from(body));
    sent.end();
    await settled();
    expect([heard.log, conduit.over]).toEqual([['http.malformed'], 'cancel']);
  });

  test('a head that cannot be written: nothing was sent, the connection is as before', async () => {
    const { conduit, client, send } = open();
    const { heard } = send({ path: '/ x' });
    await settled();
    expect([heard.log, conduit.written, client.free]).toEqual([['http.malformed'], '', true]);
  });

  test('given up', async () => {
    const { conduit, events, send } = open();
    const { heard, sent } = send();
    sent.abort();
    await settled();
    expect([heard.log, conduit.over, events]).toEqual([[], 'cancel', ['unusable']]);
  });

  test('shutdown waits for the one in progress', () => {
    const { conduit, client, send, events } = open();
    const { heard } = send();
    client.shutdown();
    expect(conduit.ended).toBe(false);
    conduit.feed(ok);
    expect([heard.log.at(-1), conduit.over, events]).toEqual(['finished', 'closed', ['unusable']]);
  });

  test('a slow reader pauses the connection', async () => {
    const { conduit, send } = open();
    const { heard, sent } = send();
    conduit.feed('HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n');
    sent.pause();
    for (let i = 0; i < 5; i++) conduit.feed('x'.repeat(100_000));
    expect([heard.body.length, conduit.held]).toEqual([0, 400_000]);
    sent.resume();
    await settled();
    expect([heard.body.length, heard.log]).toEqual([500_000, ['head 200', 'end', 'finished']]);
  });

  test('a change of protocol', async () => {
    const { conduit, send } = open();
    const { heard, sent } = send({ upgrade: 'websocket' }, false);
    conduit.feed('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw');
    sent.write(Buffer.from('there'));
    sent.end();
    conduit.feedEnd();
    conduit.fail('finished');
    expect([heard.body, heard.log]).toEqual(['raw', ['head 101', 'end', 'finished']]);
    expect([conduit.written.endsWith('\r\n\r\nthere'), conduit.ended]).toEqual([true, true]);
  });
});

describe('the server has gone', () => {
  const rows: readonly (readonly [before: string, text: string])[] = [
    ['any byte', ''],
    ['head', 'HTTP/1.1 100 x\r\n\r\n'],
    ['head', 'HTTP/1.1 200'],
    ['body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab'],
    ['body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n'],
  ];
  test.each(rows)('before %s', (before, text) => {
    for (const how of ['end', 'reset'] as const) {
      const { conduit, send, events } = open();
      const { heard } = send();
      if (text !== '') conduit.feed(text);
      if (how === 'end') conduit.feedEnd();
      else conduit.fail('gone');
      expect([isFault(heard.over, 'http.lost') && heard.over.fault, events]).toEqual([{ code: 'http.lost', before }, ['unusable']]);
    }
  });

  test('while idle, or it speaks unasked: never free again', () => {
    const ended = open();
    ended.conduit.feedEnd();
    expect([ended.client.free, ended.events]).toEqual([false, ['unusable']]);
    const spoken = open();
    spoken.conduit.feed(ok);
    expect([spoken.client.free, spoken.events, spoken.conduit.over]).toEqual([false, ['unusable'], 'cancel']);
  });
});
