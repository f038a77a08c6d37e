// Who waits for a connection when no more may be opened, and who is woken.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import type { ClientConnection, ClientConnectionEvents } from '@ambient-mesh/wire/http/exchange';
import { expect, test } from 'vitest';
import { type HttpVersion, type Link, type LinkPorts, Links } from './links.ts';

/** Takes up to `most` requests at a time. */
class Connection implements ClientConnection {
  active = 0;
  closed = false;
  readonly #events: ClientConnectionEvents;
  readonly #most: number;

  constructor(most: number, events: ClientConnectionEvents) {
    this.#most = most;
    this.#events = events;
  }

  get free(): boolean {
    return !this.closed && this.active < this.#most;
  }

  request(): never {
    throw new Error('nothing is sent here');
  }

  finish(): void {
    this.active -= 1;
    this.#events.changed();
  }

  shutdown(): void {
    this.closed = true;
    this.#events.unusable();
  }

  destroy(): void {
    this.shutdown();
  }
}

function stage(most: { readonly connections: number; readonly streams?: number; readonly requests?: number }) {
  const connections: Connection[] = [];
  const open: LinkPorts['open'] = async (version, events) => {
    const connection = new Connection(version === 'h2' ? (most.streams ?? 100) : 1, events);
    connections.push(connection);
    return connection;
  };
  /** As the destination counts: over all its endpoints. */
  const all: Links[] = [];
  const mayOpen = (): boolean => all.reduce((sum, { size }) => sum + size, 0) < most.connections;
  const endpoint = (): Links => {
    const links = new Links({ open, mayOpen, clock: fakeClock() }, { idle: ms(1_000), requestsPerConnection: most.requests ?? 0 });
    all.push(links);
    return links;
  };
  return { endpoint, connections };
}

/** Takes a connection, and a place on it. */
async function begin(links: Links, version: HttpVersion, signal = new AbortController().signal): Promise<Connection> {
  const link: Link = await links.open(version, signal);
  const { connection } = link;
  if (!(connection instanceof Connection)) throw new TypeError('another connection');
  connection.active += 1;
  return connection;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function settledIn<T>(promise: Promise<T>): Promise<T | 'waits'> {
  await turn();
  return Promise.race([promise, turn().then(() => 'waits' as const)]);
}

test('who gave up is not woken in place of who still waits', async () => {
  const { endpoint } = stage({ connections: 1 });
  const links = endpoint();
  const first = await begin(links, 'http1');
  const leaves = new AbortController();
  const left = begin(links, 'http1', leaves.signal);
  const waits = begin(links, 'http1');
  leaves.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  expect(await settledIn(waits)).toBe('waits');
  first.finish();
  expect(await settledIn(waits)).toBe(first);
});

test('an endpoint has one connection of its own, however many others have', async () => {
  const { endpoint, connections } = stage({ connections: 1 });
  await begin(endpoint(), 'http1');
  expect(await settledIn(begin(endpoint(), 'http1'))).toBe(connections[1]);
});

test('a version has one connection of its own, too', async () => {
  const { endpoint, connections } = stage({ connections: 1 });
  const links = endpoint();
  await begin(links, 'h2');
  expect(await settledIn(begin(links, 'http1'))).toBe(connections[1]);
});

test('h2: whoever waits goes on as soon as one request of many has ended', async () => {
  const { endpoint } = stage({ connections: 1, streams: 2 });
  const links = endpoint();
  const first = await begin(links, 'h2');
  await begin(links, 'h2');
  const waits = begin(links, 'h2');
  expect(await settledIn(waits)).toBe('waits');
  first.finish();
  expect(await settledIn(waits)).toBe(first);
});

test('h2: a connection that goes is replaced once, for all who wait', async () => {
  const { endpoint, connections } = stage({ connections: 1, streams: 2 });
  const links = endpoint();
  const first = await begin(links, 'h2');
  await begin(links, 'h2');
  const waiting = [begin(links, 'h2'), begin(links, 'h2')];
  first.shutdown();
  for (const waits of waiting) expect(await settledIn(waits)).toBe(connections[1]);
  expect(connections.length).toBe(2);
});

test('h2: a connection takes no more requests than its limit, even when it is never idle', async () => {
  const { endpoint, connections } = stage({ connections: 9, requests: 2 });
  const links = endpoint();
  const first = await begin(links, 'h2');
  await begin(links, 'h2');
  expect(await begin(links, 'h2')).toBe(connections[1]);
  expect(first.closed).toBe(false);
  first.finish();
  first.finish();
  expect(first.closed).toBe(true);
});

test('h2: a dial that fails when its only client has gone already is nobody’s unhandled rejection', async () => {
  const links = new Links(
    { open: () => Promise.reject(new Error('refused')), mayOpen: () => true, clock: fakeClock() },
    { idle: ms(1_000), requestsPerConnection: 0 },
  );
  await expect(links.open('h2', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  await turn();
  expect(links.size).toBe(0);
});

for (const version of ['http1', 'h2'] satisfies HttpVersion[])
  test(`${version}: who waits for a connection when the pool closes gets one, which serves nobody else`, async () => {
    const { endpoint, connections } = stage({ connections: 9 });
    const links = endpoint();
    const waits = begin(links, version);
    links.close();
    const connection = await waits;
    expect(connection.closed).toBe(false);
    connection.finish();
    expect([connection.closed, connections.length, links.size]).toEqual([true, version === 'h2' ? connections.length : 1, 0]);
  });
