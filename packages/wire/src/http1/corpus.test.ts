// Whatever arrives, and however it is cut: the same requests come out, nothing throws or hangs, and no byte of one request shows up in another.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { echo, Heard, settled, TestConduit } from '../testing/http1.ts';
import { Http1Client } from './client.ts';
import { Http1Server } from './server.ts';

interface Outcome {
  readonly seen: readonly string[];
  readonly written: string;
  readonly open: boolean;
}

async function serve(pieces: readonly string[], thenWait = false): Promise<Outcome> {
  const conduit = new TestConduit();
  const seen: string[] = [];
  const clock = fakeClock();
  const server = new Http1Server(conduit, {
    clock,
    onClosed: () => {},
    onRequest: (request) => {
      seen.push(`${request.head.method} ${request.head.authority} ${request.head.path} ${JSON.stringify(request.head.headers)}`);
      echo(request);
    },
  });
  for (const piece of pieces) conduit.feed(piece);
  await settled();
  const open = !conduit.ended;
  if (thenWait) await clock.advance(ms(4_000_000));
  server.destroy();
  return { seen, written: conduit.written, open };
}

const token = fc.stringMatching(/^[a-z]{1,8}$/);
const body = fc.string({ unit: 'binary-ascii', maxLength: 60 });
const request = fc.record({ path: token, body, chunked: fc.boolean(), name: token }).map(({ path, body, chunked, name }) => {
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const chunk = body === '' ? '' : `${body.length.toString(16)};e\r\n${body}\r\n`;
  const rest = chunked ? `${chunk}0\r\nt: ${name}\r\n\r\n` : body;
  return { text: `POST /${path} HTTP/1.1\r\nHost: ${name}\r\nX-${name}: 1\r\n${framing}\r\n\r\n${rest}`, answer: `POST /${path} ${body}` };
});

test('requests in sequence, cut anywhere, are the same requests', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(900), { maxLength: 30 }), async (all, cuts) => {
      const text = all.map((one) => one.text).join('');
      const at = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
      const whole = await serve([text]);
      const cut = await serve(at.slice(1).map((end, i) => text.slice(at[i], end)));
      expect(cut).toEqual(whole);
      const answers = all.map(({ answer }) => `HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      expect(whole.written).toBe(answers.join(''));
    }),
    { numRuns: 200 },
  );
});

describe('what follows something ambiguous is never a request', () => {
  const next = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
  const start = 'POST / HTTP/1.1\r\nHost: a\r\n';
  const rows: readonly (readonly [attack: string, bytes: string])[] = [
    ['CL.TE', `${start}Content-Length: ${next.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`],
    ['TE.CL', `${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${next}\r\n0\r\n\r\n`],
    ['TE.TE', `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${next}`],
    ['TE with a blank before the colon', `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${next}`],
    ['TE after bare LF', `${start}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`],
    ['TE folded', `${start}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${next}`],
    ['CL with a sign', `${start}Content-Length: +0\r\n\r\n${next}`],
    ['CL twice', `${start}Content-Length: 0\r\nContent-Length: ${next.length}\r\n\r\n${next}`],
    ['heads that end in bare LF', `${start}Content-Length: 0\n\n${next}`],
    ['heads that end in CR CR LF', `${start}Content-Length: 0\r\n\r\r\n${next}`],
    ['chunk size with a blank', `${start}Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n${next}`],
    ['chunk size in 0x', `${start}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${next}`],
    ['chunk size that overflows', `${start}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n${next}`],
    ['no line end after the last chunk', `${start}Transfer-Encoding: chunked\r\n\r\n0\r\nX${next}`],
    ['chunk that is longer than it says', `${start}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n${next}`],
    ['chunk line that ends in bare LF', `${start}Transfer-Encoding: chunked\r\n\r\n0\n\n${next}`],
    ['bare LF in an extension', `${start}Transfer-Encoding: chunked\r\n\r\n2;\nab\r\n0\r\n\r\n${next}`],
    ['Host twice', `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${next}`],
    ['a target that disagrees with Host', `GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n${next}`],
  ];
  test.each(rows)('%s', async (_attack, bytes) => {
    const { seen, written, open } = await serve([bytes]);
    expect(seen.filter((line) => line.includes('smuggled'))).toEqual([]);
    expect([written.match(/HTTP\/1\.1 \d+/g)?.at(-1), open]).toEqual(['HTTP/1.1 400', false]);
  });
});

/** A small generator with a seed, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('10,000 damaged requests: none throws, none hangs, none leaks into the next', { timeout: 60_000 }, async () => {
  const next = random(20_261_121);
  const scraps = [
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ':',
    ';',
    '0\r\n\r\n',
    'chunked',
    'Content-Length: 1\r\n',
    'GET / HTTP/1.1\r\n',
    '\xff',
    'ffffffff',
  ];
  for (let i = 0; i < 10_000; i++) {
    const secret = `secret${i}`;
    const framing = i % 2 === 0 ? `Content-Length: 10` : 'Transfer-Encoding: chunked';
    let text = `POST /${i} HTTP/1.1\r\nHost: a\r\nX-Own: ${secret}\r\n${framing}\r\n\r\n${i % 2 === 0 ? '0123456789' : 'a\r\n0123456789\r\n0\r\n\r\n'}`;
    for (let damage = 1 + next(4); damage > 0; damage--) {
      const at = next(text.length);
      text = text.slice(0, at) + (scraps[next(scraps.length)] ?? '') + text.slice(at + next(3));
    }
    const middle = next(text.length);
    const follow = 'GET /follow HTTP/1.1\r\nHost: f\r\n\r\n';
    const { seen, written, open } = await serve([text.slice(0, middle), text.slice(middle), follow], i % 100 === 0);
    // Each answer belongs to a request or ends the connection, and the request after it is itself or nothing.
    const answers = written.match(/HTTP\/1\.1 \d{3} [A-Z]/g)?.length ?? 0;
    expect(answers, text).toBeLessThanOrEqual(seen.length + 1);
    for (const line of seen) if (line.includes(' /follow ')) expect(line.endsWith(' f /follow []'), text).toBe(true);
    expect(written.split('GET /follow ').slice(1).join(''), text).not.toContain(secret);
    if (!open) expect(written, text).toContain('connection: close');
  }
});

test('5,000 damaged responses: each request hears how it ended, once, and what follows is never the next answer', async () => {
  const next = random(51);
  const scraps = ['\r\n', '\n', '\r', '\0', ' ', ':', '0\r\n\r\n', 'Content-Length: 1\r\n', 'HTTP/1.1 100 x\r\n\r\n', '\xff', '204', '304'];
  for (let i = 0; i < 5_000; i++) {
    const chunked = 'Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n';
    let text = `HTTP/1.1 200 OK\r\nX: y\r\n${i % 2 === 0 ? 'Content-Length: 10\r\n\r\n0123456789' : chunked}`;
    for (let damage = 1 + next(3); damage > 0; damage--) {
      const at = next(text.length);
      text = text.slice(0, at) + (scraps[next(scraps.length)] ?? '') + text.slice(at + next(3));
    }
    const conduit = new TestConduit();
    let unusable = 0;
    const client = new Http1Client(conduit, { changed: () => {}, unusable: () => unusable++ });
    const head = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: [] } as const;
    const first = new Heard();
    client.request(head, true, first);
    const middle = next(text.length);
    conduit.feed(text.slice(0, middle));
    conduit.feed(text.slice(middle));
    const second = new Heard();
    if (client.free) client.request(head, true, second);
    else second.closed('finished');
    conduit.feedEnd();
    await settled();
    const ends = [first, second].map(({ log }) => log.filter((line) => line === 'finished' || line.startsWith('http.')).length);
    expect([ends, unusable, second.body], text).toEqual([[1, 1], 1, '']);
  }
});
