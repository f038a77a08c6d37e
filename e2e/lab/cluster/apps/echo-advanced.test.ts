// What the image `echo-advanced` says, as the conformance suite reads it; its client against its server, as processes of this machine.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEcho, encodeEcho, linesOfAnswer } from './echo-advanced.ts';
import { frame } from './grpc-frame.ts';
import type { SeenRequest } from './request-protocol.ts';

const seen: SeenRequest = {
  pod: 'echo-v1-6d5f7-x2x9k',
  version: 'v1',
  method: 'GET',
  path: '/v2?a=b',
  host: 'echo',
  proto: 'HTTP/1.1',
  headers: [
    ['version', 'two'],
    ['version', 'three'],
  ],
  bodyBytes: 0,
  peer: '10.0.1.2',
};

test('an answer has a line for each field, and for each value of a header', () => {
  expect(linesOfAnswer(seen, false).split('\n')).toEqual([
    'ServiceVersion=v1',
    'Host=echo',
    'URL=/v2?a=b',
    'Method=GET',
    'Proto=HTTP/1.1',
    'IP=10.0.1.2',
    'RequestHeader=version:two',
    'RequestHeader=version:three',
    'Hostname=echo-v1-6d5f7-x2x9k',
    '',
  ]);
});

test('the answer to a gRPC call has its status in the text', () => {
  expect(linesOfAnswer(seen, true)).toMatch(/^StatusCode=200\n/);
});

test('a message comes out as it went in', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 20_000 }), (message) => decodeEcho(encodeEcho(message)) === message));
});

test.each([
  ['another field', [0x12, 1, 65]],
  ['a length beyond the end', [0x0a, 2, 65]],
  ['more than the text', [0x0a, 1, 65, 66]],
  ['a length without an end', [0x0a, 255, 255, 255, 255, 255]],
] as const)('%s is no message', (_, bytes) => {
  expect(decodeEcho(Buffer.from(bytes))).toBeUndefined();
});

const client = fileURLToPath(new URL('echo-advanced/client', import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
}

const run = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(client, args, { env: { ...process.env, NODE: process.execPath } }, (_, stdout) =>
      resolve({ code: child.exitCode ?? -1, stdout }),
    );
  });

const portOf = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;

test('over HTTP the client says what it sent and what it got; a status of 400 and more is an answer like any other', async () => {
  await using server = createServer((request, response) => {
    response.writeHead(503, { 'x-header-set': 'set' }).end(`Method=${request.method}\nHost=${request.headers.host}\nHostname=here\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${portOf(server)}/v2`;
  const { code, stdout } = await run(url, '--method=POST', '-H', 'Host:echo', '-H', 'version:two', '--count=3');
  expect(code).toBe(0);
  const answers = stdout.trimEnd().split('\n\n');
  expect(answers).toHaveLength(3);
  for (const line of [`0] Url=${url}`, '0] Header=version:two', '0] StatusCode=503', '0] ResponseHeader=x-header-set:set'])
    expect(answers[0]?.split('\n')).toContain(`[${line}`);
  for (const line of ['Method=POST', 'Host=echo', 'Hostname=here']) expect(answers[2]?.split('\n')).toContain(`[2 body] ${line}`);
});

test('calls of gRPC share a connection', async () => {
  const sessions = new Set<unknown>();
  await using server = createHttp2((request, response) => {
    sessions.add(request.stream.session);
    void text(request).then(() => {
      response.setHeader('content-type', 'application/grpc');
      response.addTrailers({ 'grpc-status': '0' });
      response.end(frame(encodeEcho('StatusCode=200\nHostname=here\n')));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { code, stdout } = await run(`grpc://127.0.0.1:${portOf(server)}`, '--count=30');
  expect(code).toBe(0);
  expect(stdout.match(/ body\] Hostname=here$/gm)).toHaveLength(30);
  expect(sessions.size).toBe(1);
});

test('the client fails when nobody answers', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  await server[Symbol.asyncDispose]();
  expect((await run(`http://127.0.0.1:${port}/`)).code).toBe(1);
});
