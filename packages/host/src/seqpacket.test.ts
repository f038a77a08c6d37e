// Rules of packet sockets, with real sockets in a folder of the test's own.
// Beside seqpacket.ts; needs no privilege.
// Hostile peers are played with the bare system calls.
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFault } from '@ambient-mesh/runtime/errors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as libc from './libc.ts';
import { encodeDescriptors } from './rights.ts';
import { maxPacketBytes, SeqPacket, SeqPacketListener } from './seqpacket.ts';
import { encodeUnixPath } from './socket-address.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'seqpacket-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const never = new AbortController().signal;
const somePath = () => join(folder, `${++files}.sock`);
const openFiles = () => readdirSync('/proc/self/fd').length;
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

async function pair() {
  using parts = new DisposableStack();
  const listener = parts.use(SeqPacketListener.listen(somePath()));
  const accepted = listener.accept(never);
  const near = parts.use(SeqPacket.connect(listener.path));
  const far = parts.use((await accepted) as SeqPacket);
  const held = parts.move();
  return { near, far, listener, [Symbol.dispose]: () => held.dispose() };
}

test('packets keep their bounds and order, both ways', async () => {
  using ends = await pair();
  for (const word of ['one', 'two', 'three']) await ends.near.send(Buffer.from(word), never);
  for (const word of ['one', 'two', 'three']) expect(text((await ends.far.receive(never))?.bytes)).toBe(word);
  await ends.far.send(Buffer.from('back'), never);
  expect(await ends.near.receive(never)).toEqual({ bytes: new Uint8Array(Buffer.from('back')), fd: undefined });
});

test('a descriptor arrives as another number for the same file, closed on exec', async () => {
  using ends = await pair();
  const fd = openSync(import.meta.filename, 'r');
  await ends.near.send(Buffer.from('file'), never, [fd]);
  const got = await ends.far.receive(never);
  expect(got?.fd).not.toBe(fd);
  expect(fstatSync(got?.fd as number).ino).toBe(fstatSync(fd).ino);
  expect(text(got?.bytes)).toBe('file');
  closeSync(fd);
  closeSync(got?.fd as number);
});

test('a packet of the greatest length arrives whole', async () => {
  using ends = await pair();
  await ends.near.send(Buffer.alloc(maxPacketBytes, 7), never);
  expect((await ends.far.receive(never))?.bytes).toEqual(new Uint8Array(maxPacketBytes).fill(7));
});

test('a packet too long, or empty, is not sent', async () => {
  using ends = await pair();
  await expect(ends.near.send(Buffer.alloc(maxPacketBytes + 1), never)).rejects.toThrow(RangeError);
  await expect(ends.near.send(Buffer.alloc(0), never)).rejects.toThrow(RangeError);
});

/** Sends whatever it is told, with any number of descriptors, and leaves the connection open. */
function rawSend(path: string, bytes: Buffer, fds: readonly number[]): Disposable {
  const fd = libc.socket(libc.AF_UNIX, libc.SOCK_SEQPACKET | libc.SOCK_OURS, 0);
  const address = encodeUnixPath(path) as Uint8Array;
  expect(libc.connect(fd, address, address.length)).toBe(0);
  const control = fds.length === 0 ? null : encodeDescriptors(fds);
  const iov = [{ base: bytes, length: bytes.length }] as const;
  const message: libc.MessageHeader = {
    name: null,
    nameLength: 0,
    iov,
    iovCount: 1,
    control,
    controlLength: control?.length ?? 0,
    flags: 0,
  };
  expect(libc.sendmsg(fd, message, 0)).toBe(bytes.length);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

const hostile: readonly (readonly [rule: string, length: number, fds: number])[] = [
  ['a packet too long is an error', maxPacketBytes + 1, 0],
  ['a packet too long is an error, and its descriptor is closed', 5_000, 1],
  ['two descriptors are an error and are closed', 5, 2],
  ['a hundred descriptors are an error and are closed', 5, 100],
  ['an empty packet with a descriptor is an error and it is closed', 0, 1],
];
test.each(hostile)('%s', async (_, length, fds) => {
  using listener = SeqPacketListener.listen(somePath());
  using _peer = rawSend(listener.path, Buffer.alloc(length), new Array<number>(fds).fill(1));
  using far = (await listener.accept(never)) as SeqPacket;
  const before = openFiles();
  const why = await far.receive(never).catch((e: unknown) => e);
  expect(isFault(why, 'host.recvmsg')).toBe(true);
  expect(openFiles()).toBe(before);
});

test('the end of the peer is undefined, also for one who waits already', async () => {
  using ends = await pair();
  const waiting = ends.far.receive(never);
  ends.near[Symbol.dispose]();
  expect(await waiting).toBeUndefined();
  expect(await ends.far.receive(never)).toBeUndefined();
});

test('what was sent before the peer closed is still received', async () => {
  using ends = await pair();
  await ends.near.send(Buffer.from('last'), never);
  ends.near[Symbol.dispose]();
  expect(text((await ends.far.receive(never))?.bytes)).toBe('last');
  expect(await ends.far.receive(never)).toBeUndefined();
});

test('sending to a peer that closed throws EPIPE', async () => {
  using ends = await pair();
  ends.far[Symbol.dispose]();
  await expect(ends.near.send(Buffer.from('x'), never)).rejects.toMatchObject({ fault: { code: 'host.sendmsg', name: 'EPIPE' } });
});

test('disposing this end ends a waiting receive and accept, and refuses sends', async () => {
  using ends = await pair();
  const receiving = ends.near.receive(never);
  const accepting = ends.listener.accept(never);
  ends.near[Symbol.dispose]();
  ends.listener[Symbol.dispose]();
  expect(await receiving).toBeUndefined();
  expect(await accepting).toBeUndefined();
  await expect(ends.near.send(Buffer.from('x'), never)).rejects.toMatchObject({ fault: { code: 'host.sendmsg' } });
});

test('an aborted wait rejects with the reason, and the socket still works', async () => {
  using ends = await pair();
  const stop = new AbortController();
  const waiting = ends.far.receive(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await ends.near.send(Buffer.from('later'), never);
  expect(text((await ends.far.receive(never))?.bytes)).toBe('later');
});

test('a sender waits for a slow reader, and nothing is lost or reordered', async () => {
  using ends = await pair();
  const packet = Buffer.alloc(maxPacketBytes);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 2_000; sent++) {
      packet.writeUInt32LE(sent);
      await ends.near.send(packet, never);
    }
  })();
  await new Promise((turn) => setImmediate(turn));
  expect(sent).toBeLessThan(2_000);
  for (let at = 0; at < 2_000; at++) expect(Buffer.from((await ends.far.receive(never))?.bytes ?? []).readUInt32LE()).toBe(at);
  await sending;
});

test('one end may send and receive at once', async () => {
  using ends = await pair();
  const received = ends.near.receive(never);
  const sent = ends.far.receive(never);
  await Promise.all([ends.near.send(Buffer.from('to'), never), ends.far.send(Buffer.from('fro'), never)]);
  expect([text((await received)?.bytes), text((await sent)?.bytes)]).toEqual(['fro', 'to']);
});

const connecting: readonly (readonly [rule: string, path: () => string, name: string])[] = [
  ['connecting where nothing is throws ENOENT', somePath, 'ENOENT'],
  ['connecting to a socket without a listener throws ECONNREFUSED', deserted, 'ECONNREFUSED'],
  ['a path longer than the kernel takes throws ENAMETOOLONG', () => `/${'x'.repeat(200)}`, 'ENAMETOOLONG'],
];
test.each(connecting)('%s', (_, path, name) => {
  expect(() => SeqPacket.connect(path())).toThrow(expect.objectContaining({ fault: expect.objectContaining({ name }) }));
});

/** A socket file whose process has gone. */
function deserted(): string {
  const path = somePath();
  const fd = libc.socket(libc.AF_UNIX, libc.SOCK_SEQPACKET | libc.SOCK_OURS, 0);
  const address = encodeUnixPath(path) as Uint8Array;
  expect(libc.bind(fd, address, address.length)).toBe(0);
  closeSync(fd);
  return path;
}

test('a listener replaces a deserted socket file, but no other file', () => {
  using listener = SeqPacketListener.listen(deserted());
  SeqPacket.connect(listener.path)[Symbol.dispose]();
  const file = somePath();
  writeFileSync(file, 'precious');
  expect(() => SeqPacketListener.listen(file)).toThrow(expect.objectContaining({ fault: expect.objectContaining({ name: 'EADDRINUSE' }) }));
});

test("a listener that goes leaves its successor's socket file", () => {
  const old = SeqPacketListener.listen(somePath());
  using _next = SeqPacketListener.listen(old.path);
  old[Symbol.dispose]();
  SeqPacket.connect(old.path)[Symbol.dispose]();
});
