// Heads of responses: how the body is delimited, whether the connection can be used again, and what is refused.
import { describe, expect, test } from 'vitest';
import { readResponseHead } from './response-head.ts';

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');

describe('understood', () => {
  const rows: readonly (readonly [rule: string, method: string, all: readonly string[], want: object])[] = [
    ['a length', 'GET', ['HTTP/1.1 200 OK', 'Content-Length: 3'], { head: { status: 200 }, framing: 3, keep: true }],
    ['chunks', 'GET', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'], { framing: 'chunked', keep: true }],
    ['until the end', 'GET', ['HTTP/1.1 200 OK'], { framing: 'until-close', keep: false }],
    ['no phrase', 'GET', ['HTTP/1.1 404 ', 'content-length: 0'], { head: { status: 404 }, framing: 0 }],
    ['no phrase and no blank', 'GET', ['HTTP/1.1 404', 'content-length: 0'], { head: { status: 404 } }],
    [
      'HEAD has no body',
      'HEAD',
      ['HTTP/1.1 200 OK', 'Content-Length: 3'],
      { framing: 0, keep: true, head: { headers: [['content-length', '3']] } },
    ],
    ['304 has no body', 'GET', ['HTTP/1.1 304 x', 'Content-Length: 3'], { framing: 0, keep: true }],
    ['204 has no body and no length', 'GET', ['HTTP/1.1 204 x', 'Content-Length: 3'], { framing: 0, head: { headers: [] } }],
    ['close', 'GET', ['HTTP/1.1 200 OK', 'Content-Length: 3', 'Connection: close'], { keep: false }],
    ['HTTP/1.0 closes', 'GET', ['HTTP/1.0 200 OK', 'Content-Length: 3'], { keep: false }],
    ['HTTP/1.0 stays when it says so', 'GET', ['HTTP/1.0 200 OK', 'Content-Length: 3', 'Connection: keep-alive'], { keep: true }],
    ['101', 'GET', ['HTTP/1.1 101 x', 'Connection: Upgrade', 'Upgrade: WebSocket'], { upgrade: 'websocket', framing: 0 }],
  ];
  test.each(rows)('%s', (_rule, method, all, want) => {
    expect(readResponseHead(lines(...all), method)).toMatchObject(want);
  });
});

describe('refused', () => {
  const rows: readonly (readonly [rule: string, all: readonly string[]])[] = [
    ['both length and chunks', ['HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['two lengths', ['HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 3']],
    ['chunks in HTTP/1.0', ['HTTP/1.0 200 OK', 'Transfer-Encoding: chunked']],
    ['another coding', ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked']],
    ['another version', ['HTTP/2 200 OK']],
    ['a status out of range', ['HTTP/1.1 600 x']],
    ['a status of two digits', ['HTTP/1.1 20 x']],
    ['a folded line', ['HTTP/1.1 200 OK', 'X: a', ' b']],
    ['bare LF', ['HTTP/1.1 200 OK\nX: y']],
    ['no status line', ['X: y']],
  ];
  test.each(rows)('%s', (_rule, all) => {
    expect(readResponseHead(lines(...all), 'GET')).toMatchObject({ refused: 400 });
  });
});
