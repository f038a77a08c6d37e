// How long connections that nobody uses stay open.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import type { ClientConnection, ClientConnectionEvents } from '@ambient-mesh/wire/http/exchange';
import { expect, test } from 'vitest';
import { type HttpVersion, Links } from './links.ts';

const never = new AbortController().signal;

class Connection implements ClientConnection {
  free = true;
  active = 0;
  closed = false;
  readonly #events: ClientConnectionEvents;

  constructor(events: ClientConnectionEvents) {
    this.#events = events;
  }

  request(): never {
    throw new Error('nothing is sent here');
  }

  /** A request that lasts that long. */
  async serve(clock: FakeClock, milliseconds: number): Promise<void> {
    this.active += 1;
    await clock.advance(ms(milliseconds));
    this.active -= 1;
    this.#events.changed();
  }

  shutdown(): void {
    this.closed = true;
    this.free = false;
    this.#events.unusable();
  }

  destroy(): void {
    this.shutdown();
  }
}

for (const version of ['http1', 'h2'] satisfies HttpVersion[]) {
  const stage = async (): Promise<{ links: Links; clock: FakeClock; connection: Connection }> => {
    const clock = fakeClock();
    let connection: Connection | undefined;
    const open = async (_: HttpVersion, events: ClientConnectionEvents): Promise<Connection> => {
      connection = new Connection(events);
      return connection;
    };
    const links = new Links({ open, mayOpen: () => true, clock }, { idle: ms(1_000), requestsPerConnection: 0 });
    await links.open(version, never);
    if (connection === undefined) throw new Error('no connection');
    return { links, clock, connection };
  };

  test(`${version}: closes when its time without requests is over, and not before`, async () => {
    const { links, clock, connection } = await stage();
    await connection.serve(clock, 100);
    await clock.advance(ms(999));
    expect(connection.closed).toBe(false);
    await clock.advance(ms(1));
    expect([connection.closed, links.size, clock.pending]).toEqual([true, 0, 0]);
  });

  test(`${version}: a request in between starts the time anew from its end`, async () => {
    const { links, clock, connection } = await stage();
    await connection.serve(clock, 100);
    await clock.advance(ms(800));
    links.take(version);
    await connection.serve(clock, 100);
    await clock.advance(ms(999));
    expect(connection.closed).toBe(false);
    await clock.advance(ms(1));
    expect([connection.closed, clock.pending]).toEqual([true, 0]);
  });

  test(`${version}: a request that lasts longer than the time is not disturbed`, async () => {
    const { links, clock, connection } = await stage();
    await connection.serve(clock, 100);
    links.take(version);
    await connection.serve(clock, 5_000);
    expect(connection.closed).toBe(false);
    await clock.advance(ms(1_000));
    expect(connection.closed).toBe(true);
  });

  test(`${version}: no timer is left when a connection goes by itself`, async () => {
    const { clock, connection } = await stage();
    await connection.serve(clock, 100);
    connection.shutdown();
    expect(clock.pending).toBe(0);
  });
}
