// A pod's port in a namespace: bound at once, accepting when told, sharing its port, and giving up nothing that was queued when it closes.
// Beside listener.ts; needs root. Each test has a namespace of its own.
// Clients are plain Node sockets dialled inside the namespace.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { Netns } from '@ambient-mesh/host/netns';
import { dialSocket } from '@ambient-mesh/host/sockets';
import { fdOf, socketState } from '@ambient-mesh/host/testing/socket-state';
import { ip } from '@ambient-mesh/model/testing';
import { isFault } from '@ambient-mesh/runtime/errors';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Listener, type ListenerOptions } from './listener.ts';

let netns: Netns;
const opened: Disposable[] = [];
beforeEach(() => {
  netns = Netns.create();
});
afterEach(() => {
  for (const one of opened.splice(0)) one[Symbol.dispose]();
  netns[Symbol.dispose]();
});

const port = 15008;
function listen(more: Partial<ListenerOptions> = {}): Listener {
  const listener = new Listener({ netns, ip: ip('::'), port, reusePort: true, mark: 1337, transparent: 'off', ...more });
  opened.push(listener);
  return listener;
}

function dial(): Socket {
  const socket = new Socket({ fd: dialSocket({ netns, family: 4 }), allowHalfOpen: true });
  opened.push({ [Symbol.dispose]: () => void socket.destroy() });
  return socket.connect(port, '127.0.0.1');
}

/** Answers one byte and ends: proof that somebody took the connection. */
const greet = (socket: Socket): void => void socket.on('error', () => {}).end('.');
/** What came of a connection: its byte, or the error's code. */
async function outcome(socket: Socket): Promise<string> {
  let got = '';
  socket.on('data', (bytes: Buffer) => (got += bytes.toString()));
  return new Promise((resolve) => {
    socket.on('error', (e: NodeJS.ErrnoException) => resolve(e.code ?? 'unknown'));
    socket.on('end', () => {
      resolve(got);
      socket.end();
    });
  });
}

test('connections wait until it accepts, and are then served', async () => {
  const listener = listen();
  const client = dial();
  await once(client, 'connect');
  const came = outcome(client);
  listener.accept(greet);
  expect(await came).toBe('.');
});

test('what is taken is paused, marked and half-open', async () => {
  const listener = listen({ keepalive: { probes: { idleS: 60, intervalS: 61, count: 5 }, userTimeoutMs: 1_000 } });
  const taken = Promise.withResolvers<Socket>();
  listener.accept(taken.resolve);
  const client = dial();
  client.end('request');
  const socket = await taken.promise;
  opened.push({ [Symbol.dispose]: () => void socket.destroy() });
  expect(socketState(fdOf(socket))).toMatchObject({
    mark: 1337,
    noDelay: 1,
    keepalive: 1,
    keepIdleS: 60,
    keepIntervalS: 61,
    keepCount: 5,
    userTimeoutMs: 1_000,
  });
  expect([socket.isPaused(), socket.bytesRead]).toEqual([true, 0]);
  const [bytes] = await once(socket.resume(), 'data');
  expect(String(bytes)).toBe('request');
  await once(socket, 'end');
  const answered = outcome(client);
  socket.end('answer after the end of the request');
  expect(await answered).toBe('answer after the end of the request');
});

test('accepting twice takes each connection once', async () => {
  const listener = listen();
  listener.accept(greet);
  listener.accept(() => expect.unreachable());
  expect(await outcome(dial())).toBe('.');
});

const conflicts: readonly (readonly [rule: string, first: boolean, second: boolean, conflict: boolean])[] = [
  ['two share a port', true, true, false],
  ['none shares with one that does not', false, true, true],
  ['one that does not share finds the port taken', true, false, true],
];
test.each(conflicts)('%s', (_, first, second, conflict) => {
  listen({ reusePort: first });
  const before = descriptors();
  const why = failure(() => listen({ reusePort: second }));
  if (!conflict) return expect(why).toBeUndefined();
  expect(isFault(why, 'host.bind')).toBe(true);
  expect(descriptors()).toBe(before);
});

test('closed before it accepted, the port is free and stays unserved', () => {
  const listener = listen({ reusePort: false });
  listener[Symbol.dispose]();
  listener.accept(() => expect.unreachable());
  listener[Symbol.dispose]();
  listen({ reusePort: false });
});

test('closed, it takes no more; what it took goes on', async () => {
  const listener = listen();
  const taken = Promise.withResolvers<Socket>();
  listener.accept(taken.resolve);
  const client = dial();
  const socket = await taken.promise;
  listener[Symbol.dispose]();
  await vi.waitFor(async () => expect(await outcome(dial())).toBe('ECONNREFUSED'));
  const came = outcome(client);
  greet(socket);
  expect(await came).toBe('.');
});

test('under a stream of connects, one of two listeners closes and no connection is refused or reset', async () => {
  const survivor = listen();
  survivor.accept(greet);
  for (let round = 0; round < 5; round++) {
    const leaving = listen();
    if (round % 2 === 0) leaving.accept(greet);
    // Odd rounds: the one that leaves never accepts, so that half of these wait in its queue when it closes.
    const clients = Array.from({ length: 60 }, dial);
    await Promise.all(clients.slice(0, 30).map((client) => once(client, 'connect')));
    const came = Promise.all(clients.map(outcome));
    leaving[Symbol.dispose]();
    const more = Promise.all(Array.from({ length: 30 }, () => outcome(dial())));
    expect(new Set([...(await came), ...(await more)])).toEqual(new Set(['.']));
  }
});

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function failure(f: () => unknown): unknown {
  try {
    f();
  } catch (e) {
    return e;
  }
  return undefined;
}
