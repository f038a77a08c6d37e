// Who is let in, what goes out with every answer, and what is asked in vain.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seenOf, Verdicts } from './access.ts';
import type { AnswerPorts } from './answers.ts';
import { subjectOf } from './series.ts';
import { type GraphServer, serveGraph } from './serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'graph-'));
mkdirSync(join(folder, 'assets'));
writeFileSync(join(folder, 'index.html'), '<p>page</p>');
writeFileSync(join(folder, 'assets', 'main-1a2b.js'), '1');
writeFileSync(join(folder, 'secret.key'), 'x');

const labels = {
  reporter: 'source',
  source_workload: 'web',
  source_workload_namespace: 'shop',
  destination_workload: 'cart',
  destination_workload_namespace: 'store',
};
const answers: AnswerPorts = {
  source: 'proxies',
  measure: async () => ({
    seconds: 10,
    measured: [
      {
        family: 'istio_tcp_connections_opened_total',
        subject: subjectOf(new Map(Object.entries(labels))),
        increase: 5,
        latest: 5,
        by: undefined,
      },
    ],
    waypoints: new Set(),
    warnings: ['zt does not answer'],
  }),
  known: async () => [],
  logs: async (from, to, limit) => [{ at: 1, text: `${from.name} ${to?.name} ${limit}`, pod: 'zt' }],
  explain: async ({ from, to }) => {
    if (to === 'nowhere') return { error: 'there is no service nowhere', namespaces: ['shop'] };
    if (to === 'gone.secret') return { error: 'pods of gone are a and b', namespaces: ['secret'] };
    return {
      answer: { steps: [{ at: from.name, says: to }], outcome: 'allowed', by: '' },
      namespaces: ['shop', to === 'vault' ? 'secret' : 'store'],
    };
  },
  version: '1',
  now: () => 7,
};
const clock = fakeClock();
let server: GraphServer;
beforeAll(async () => {
  server = await serveGraph({
    listen: { ip: '127.0.0.1', port: 0 },
    answers,
    admit: async (credential) => {
      if (credential === 'down') throw new Error('the API server does not answer');
      if (credential !== 'good' && credential !== 'invited') return { refused: 'who is this?' };
      return { name: 'ann', sees: async (all) => new Set([...all].filter((each) => each === 'shop' || each === 'store')) };
    },
    invitation: { token: 'once', credential: 'invited' },
    clock,
    pageFolder: folder,
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
function ask(path: string, headers: Readonly<Record<string, string>> = { authorization: 'Bearer good' }, method = 'GET'): Promise<Said> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.address.port, path, method, headers });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    asked.end();
  });
}
const good = { authorization: 'Bearer good' };

const refusals: readonly (readonly [
  name: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  status: number,
  error: string,
])[] = [
  ['no credential', '/api/graph', {}, 401, 'who you are is not known here'],
  ['a bad one', '/api/graph', { authorization: 'Bearer bad' }, 401, 'who is this?'],
  ['another scheme', '/api/graph', { authorization: 'Basic good' }, 401, 'not known'],
  ['a cookie of nobody', '/api/session', { cookie: 'ambient-graph-1=x' }, 401, 'not known'],
  ['nobody could be asked', '/api/graph', { authorization: 'Bearer down' }, 502, 'the API server does not answer'],
  ['a name that leads here by rebinding', '/api/graph', { ...good, host: 'evil.example' }, 403, 'localhost only'],
  ['... for the page too', '/', { host: 'evil.example:15013' }, 403, 'localhost only'],
  ['... and a name that begins like ours', '/', { host: '127.0.0.1.evil.example' }, 403, 'localhost only'],
  ['a window of our own', '/api/graph?window=7', good, 400, 'window must be one of 15, 60, 300, 900'],
  ['a log of nothing', '/api/log', good, 400, 'ids of nodes'],
  ['a log of something else', '/api/log?from=workload:shop/web&to=pod:x', good, 400, 'ids of nodes'],
  ['a log of everything outside', '/api/log?from=unknown', good, 400, 'outside'],
  ['a log of what may not be seen', '/api/log?from=workload:secret/x', good, 403, 'ann may not see'],
  ['... at the other end', '/api/log?from=workload:shop/web&to=service:secret/x', good, 403, 'ann may not see'],
  ['an explanation from nowhere', '/api/explain?from=web&to=x', good, 400, 'from must be'],
  ['... to nowhere', '/api/explain?from=shop/web', good, 400, 'to must be'],
  ['... that makes no sense', '/api/explain?from=shop/web&to=nowhere', good, 400, 'there is no service nowhere'],
  ['... from what may not be seen', '/api/explain?from=secret/web&to=x', good, 403, 'ann may not see'],
  ['... that makes no sense of what may not be seen', '/api/explain?from=shop/web&to=gone.secret', good, 403, 'ann may not see'],
  ['... about what may not be seen', '/api/explain?from=shop/web&to=vault', good, 403, 'ann may not see'],
];
describe('refused', () => {
  for (const [name, path, headers, status, error] of refusals) {
    test(name, async () => {
      const said = await ask(path, headers);
      expect([said.status, JSON.parse(said.body)]).toEqual([status, { error: expect.stringContaining(error) }]);
      expect(said.headers['cache-control']).toBe('no-store');
    });
  }
  test('anything but reading', async () => expect((await ask('/api/graph', good, 'POST')).status).toBe(405));
  test('files that are no part of the page', async () => {
    for (const path of ['/secret.key', '/../package.json', '/assets/', '/index.html']) expect((await ask(path)).status).toBe(404);
  });
});

describe('answered', () => {
  test('the session', async () => {
    const { body } = await ask('/api/session');
    expect(JSON.parse(body)).toEqual({ viewer: 'ann', source: 'proxies', version: '1', features: { logs: true, explain: true } });
  });
  test('the graph, by each name of this machine', async () => {
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:15013']) {
      const { headers, body } = await ask('/api/graph', { ...good, host });
      expect(JSON.parse(body)).toMatchObject({
        at: 7,
        windowSeconds: 10,
        source: 'proxies',
        namespaces: ['shop', 'store'],
        warnings: ['zt does not answer'],
      });
      expect(JSON.parse(body).edges).toHaveLength(1);
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'self'"),
        'x-content-type-options': 'nosniff',
      });
    }
  });
  test('lines and explanations', async () => {
    expect(JSON.parse((await ask('/api/log?from=workload:shop/web&to=unknown&limit=9999')).body).lines).toEqual([
      { at: 1, text: 'web  500', pod: 'zt' },
    ]);
    expect(JSON.parse((await ask('/api/explain?from=shop/web&to=cart')).body).steps).toEqual([{ at: 'web', says: 'cart' }]);
  });
  test('the page to everybody: itself anew each time, its hashed parts for ever', async () => {
    const [page, part] = [await ask('/', {}), await ask('/assets/main-1a2b.js', {})];
    expect([page.body, page.headers['content-type'], page.headers['cache-control']]).toEqual([
      '<p>page</p>',
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    expect([part.body, part.headers['cache-control']]).toEqual(['1', 'public, max-age=31536000, immutable']);
  });
});

describe('signing in', () => {
  const cookieOf = ({ headers }: Said): string => String(headers['set-cookie']).split(';')[0] ?? '';
  test('a token becomes a cookie that scripts cannot read, for twelve hours', async () => {
    const said = await ask('/api/session', good, 'POST');
    expect(String(said.headers['set-cookie'])).toMatch(/^ambient-graph-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(said);
    expect((await ask('/api/session', { cookie: `other=1; ${cookie}` })).status).toBe(200);
    await clock.advance(ms(13 * 3_600_000));
    expect((await ask('/api/session', { cookie })).status).toBe(401);
  });
  test('a bad token, or none, does not', async () => {
    for (const headers of [{}, { authorization: 'Bearer bad' }]) {
      const said = await ask('/api/session', headers, 'POST');
      expect([said.status, said.headers['set-cookie']]).toEqual([401, undefined]);
    }
  });
  test('an invitation is good once, and is gone from the address bar', async () => {
    expect((await ask('/?token=wrong', {})).status).toBe(401);
    expect((await ask('/?token=once', {}, 'HEAD')).headers['set-cookie']).toBeUndefined();
    const said = await ask('/?token=once', {});
    expect([said.status, said.headers.location, said.headers['referrer-policy']]).toEqual([303, '/', 'no-referrer']);
    expect((await ask('/api/session', { cookie: cookieOf(said) })).status).toBe(200);
    expect((await ask('/?token=once', {})).status).toBe(401);
    expect((await ask('/api/session', { authorization: 'Bearer once' })).status).toBe(401);
  });
});

test('where the page was not built, that is what is said', async () => {
  await using bare = await serveGraph({
    listen: { ip: '127.0.0.1', port: 0 },
    answers,
    admit: async () => ({ refused: 'nobody' }),
    clock,
    pageFolder: join(folder, 'nothing'),
  });
  expect(await (await fetch(`http://127.0.0.1:${bare.address.port}/`)).text()).toContain('was not built');
});

describe('what the API server says of namespaces', () => {
  test('is asked once a minute for each', async () => {
    let asked = 0;
    const verdicts = new Verdicts<boolean>(clock);
    const see = () => seenOf(['a', 'b', 'a', ''], (namespace) => verdicts.answer(namespace, async () => ++asked > 0 && namespace === 'a'));
    expect([...(await see()), ...(await see())]).toEqual(['a', 'a']);
    expect(asked).toBe(2);
    await clock.advance(ms(60_000));
    await see();
    expect(asked).toBe(4);
  });
  test('is not kept when it could not be asked', async () => {
    const verdicts = new Verdicts<boolean>(clock);
    await expect(verdicts.answer('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await verdicts.answer('a', async () => true)).toBe(true);
  });
});
