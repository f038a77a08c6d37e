// A control plane that sends what is no xDS, no protobuf or no gRPC: the client says so, waits, and comes back.
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { frame } from '../grpc/framing.ts';
import { Mailbox } from '../testing/index.ts';
import { XdsClient } from './client.ts';

const credentials = testAuthority().custom({ subject: { commonName: 'localhost' }, uris: [] });
let server: Http2SecureServer;
/** What the server does with a stream. */
let answer: (stream: ServerHttp2Stream) => void = () => {};

beforeAll(async () => {
  server = createSecureServer({ cert: credentials.certChainPem, key: credentials.keyPem });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    answer(stream as ServerHttp2Stream);
  });
  await once(server.listen(0, 'localhost'), 'listening');
});
afterAll(() => void server.close());

interface Ended {
  readonly reason: string;
  readonly why: unknown;
}

/** Runs a client until its first stream has ended. */
async function endOf(behaviour: typeof answer): Promise<Ended> {
  answer = behaviour;
  const ends = new Mailbox<Ended>();
  const stopper = new AbortController();
  const { port } = server.address() as AddressInfo;
  const target = { host: 'localhost', port, root: { literal: credentials.rootsPem.join('') }, headers: [] };
  const client = new XdsClient(
    { target, node: { id: 'n', metadata: {} }, onDemand: false },
    {
      apply: () => undefined,
      clock: systemClock,
      synced: () => {},
      report: { connected: () => {}, received: () => {}, rejected: () => {}, ended: (reason, why) => ends.put({ reason, why }) },
    },
  );
  const running = client.run(stopper.signal);
  const end = await ends.take();
  stopper.abort();
  await running;
  return end;
}

const grpc = { ':status': 200, 'content-type': 'application/grpc' } as const;
const sends = (bytes: Uint8Array) => (stream: ServerHttp2Stream) => {
  stream.respond(grpc, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(bytes);
};

function endsWithoutStatus(stream: ServerHttp2Stream): void {
  stream.respond(grpc);
  stream.end();
}

const rows: readonly (readonly [what: string, behaviour: typeof answer, want: object])[] = [
  ['a response that is no protobuf', sends(frame(Buffer.from('ffffffff', 'hex'))), { reason: 'Error' }],
  ['a message of 4 GiB', sends(Buffer.from('00ffffffff', 'hex')), { reason: 'Error', why: { fault: { code: 'grpc.message-too-long' } } }],
  [
    'a message beyond 200 MiB',
    sends(Buffer.from('000c800001', 'hex')),
    { reason: 'Error', why: { fault: { code: 'grpc.message-too-long' } } },
  ],
  ['a compressed message', sends(Buffer.from('010000000100', 'hex')), { reason: 'Error', why: { fault: { code: 'grpc.compressed' } } }],
  ['half a message', sends(Buffer.from('0000000005', 'hex')), { reason: 'Error', why: { fault: { code: 'grpc.cut-short' } } }],
  [
    'an error page',
    (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
    { reason: 'ConnectionError', why: { fault: { status: 14 } } },
  ],
  ['a reset', (stream) => stream.close(2), { reason: 'ConnectionError', why: { fault: { status: 13 } } }],
  ['no status at the end', endsWithoutStatus, { reason: 'Reconnect', why: { fault: { status: 2 } } }],
  ['a goodbye instead of an answer', (stream) => stream.session?.destroy(), { reason: 'ConnectionError' }],
];

test.each(rows)('%s', async (_what, behaviour, want) => {
  expect(await endOf(behaviour)).toMatchObject(want);
});

test('any bytes at all end the stream, never the client', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
      expect(['Error', 'Complete']).toContain((await endOf(sends(frame(bytes)))).reason);
    }),
    { numRuns: 25 },
  );
});
