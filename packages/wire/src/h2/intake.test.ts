// Reading into our own buffers depends on how this version of Node names things: this file says so when it changes.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { afterEach, expect, test } from 'vitest';
import { ReadMemory, type Slab } from '../read-memory.ts';
import { socketPair } from '../testing/hbone.ts';
import { takeIn } from './intake.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

/** Collects what is fed, and how much of it came in slabs. */
function feeder(): { readonly feed: (bytes: Buffer, slab?: Slab) => void; readonly got: () => string; slabs: number; length: number } {
  const parts: Buffer[] = [];
  const self = {
    slabs: 0,
    length: 0,
    got: () => Buffer.concat(parts).toString('latin1'),
    feed(bytes: Buffer, slab?: Slab) {
      parts.push(Buffer.from(bytes));
      self.length += bytes.length;
      if (slab !== undefined) self.slabs++;
      slab?.release();
    },
  };
  return self;
}

async function tlsPair(): Promise<readonly [near: TLSSocket, far: TLSSocket]> {
  const authority = testAuthority();
  const { certChainPem: cert, keyPem: key } = authority.credentials(authority.id('a', 'b'));
  const server = createTlsServer({ cert, key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = tlsConnect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false });
  const [far] = (await once(server, 'secureConnection')) as [TLSSocket];
  cleanup.push(
    () => server.close(),
    () => near.destroy(),
    () => far.destroy(),
  );
  return [near, far];
}

test('bulk on a TLS socket arrives in slabs, small messages do not', async () => {
  const [near, far] = await tlsPair();
  const small = feeder();
  takeIn(far, new ReadMemory(), small.feed);
  near.write('hello');
  await expect.poll(small.got).toBe('hello');
  expect(small.slabs).toBe(0);
  const bulk = 'x'.repeat(1_000_000);
  near.write(bulk);
  await expect.poll(() => small.length).toBe(bulk.length + 5);
  expect(small.slabs).toBeGreaterThan(30);
  expect(small.got()).toBe(`hello${bulk}`);
});

test('what had arrived before is not lost', async () => {
  const [near, far] = await tlsPair();
  near.write('early ');
  await expect.poll(() => far.readableLength).toBe(6);
  const got = feeder();
  takeIn(far, new ReadMemory(), got.feed);
  near.write('late');
  await expect.poll(got.got).toBe('early late');
});

test('the end of the socket is still told', async () => {
  const [near, far] = await tlsPair();
  const got = feeder();
  takeIn(far, new ReadMemory(), got.feed);
  const ended = once(far, 'end');
  near.end('bye');
  await ended;
  expect(got.got()).toBe('bye');
});

test('a plain socket works too', async () => {
  const [near, far] = await socketPair();
  cleanup.push(
    () => near.destroy(),
    () => far.destroy(),
  );
  const got = feeder();
  takeIn(far, new ReadMemory(), got.feed);
  near.write('y'.repeat(300_000));
  await expect.poll(() => got.length).toBe(300_000);
  expect(got.slabs).toBeGreaterThan(0);
});

test('any other stream is read in the ordinary way', async () => {
  const stream = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
  const got = feeder();
  takeIn(stream, new ReadMemory(), got.feed);
  stream.push(Buffer.from('abc'));
  await expect.poll(got.got).toBe('abc');
});
