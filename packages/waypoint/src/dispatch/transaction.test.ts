// One request and its attempts: what is tried again, what is not, limits of time, back-pressure, and who hears of an end.
import type { TrafficPolicy } from '@ambient-mesh/model/l7/destination';
import { defaultRetry } from '@ambient-mesh/model/l7/retry';
import type { Retry } from '@ambient-mesh/model/l7/route';
import { workload } from '@ambient-mesh/model/testing';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { lost, refused, TestClient, TestServer } from '../testing/exchange.ts';
import type { Sending } from './destination.ts';
import { Endpoint } from './endpoint.ts';
import { Links } from './links.ts';
import { type Outcome, type Plan, Transaction } from './transaction.ts';

const never: Retry = { attempts: 0, codes: [], on: [] };
const always: Retry = { attempts: 3, codes: [500, 503], on: ['connect-failure', 'refused-stream', 'reset', '5xx'], backoff: 10 };

class Scene {
  readonly clock: FakeClock = fakeClock();
  readonly servers: readonly TestServer[];
  readonly endpoints: readonly Endpoint[];
  readonly destination: Sending;
  outcome: Outcome | undefined;
  idle: Ms | undefined;

  constructor({ servers = 2, settings = {} }: { readonly servers?: number; readonly settings?: Partial<TrafficPolicy> } = {}) {
    const { clock } = this;
    this.servers = Array.from({ length: servers }, () => new TestServer());
    this.endpoints = this.servers.map((server, at) => {
      const links = new Links({ open: server.open, mayOpen: () => true, clock }, { idle: ms(1_000_000), requestsPerConnection: 0 });
      return new Endpoint({ workload: workload({ name: `s${at}`, ips: [`10.0.0.${at + 1}`] }), port: 8080 }, links);
    });
    const { endpoints } = this;
    this.destination = {
      name: { service: 'ns/svc', port: 80 },
      settings: { ports: [], ...settings },
      choose: (_hash, tried) => endpoints.find((each) => !tried.includes(each)) ?? endpoints[0],
      find: (uid) => endpoints.find((each) => each.workload.uid === uid),
      note: () => {},
      active: 0,
      pending: 0,
      retries: 0,
    };
  }

  start(client: TestClient, plan: Partial<Plan> = {}): Transaction {
    const whole: Plan = {
      head: client.head,
      destination: this.destination,
      version: 'http1',
      retry: never,
      keepBytes: 64,
      answered: (head) => head,
      ...plan,
    };
    const transaction = new Transaction(client, whole, {
      clock: this.clock,
      random: () => 0,
      config: { streamIdleTimeout: this.idle },
    });
    void transaction.outcome.then((outcome) => {
      this.outcome = outcome;
    });
    return transaction;
  }

  /** Everything that can happen without time passing. */
  settle(): Promise<void> {
    return this.clock.advance(ms(0));
  }

  server(at: number): TestServer {
    const server = this.servers[at];
    if (server === undefined) throw new Error('no such server');
    return server;
  }

  /** Nothing is left in progress. */
  expectQuiet(): void {
    expect({ active: this.destination.active, pending: this.destination.pending, retries: this.destination.retries }).toEqual({
      active: 0,
      pending: 0,
      retries: 0,
    });
    expect(this.endpoints.map(({ active }) => active)).toEqual(this.endpoints.map(() => 0));
  }
}

test('a request and its answer', async () => {
  const scene = new Scene();
  const client = new TestClient();
  scene.start(client);
  await scene.settle();
  scene.server(0).last.answer(200, 'hello', { headers: [['x', 'y']] });
  await scene.settle();
  expect(client.got).toEqual(['200', 'body:hello', 'end']);
  expect(scene.outcome).toMatchObject({ status: 200, flags: [], attempts: 1, responseBytes: 5, requestBytes: 0 });
  scene.expectQuiet();
});

test('a connection is used again', async () => {
  const scene = new Scene();
  for (let turn = 0; turn < 3; turn++) {
    scene.start(new TestClient());
    await scene.settle();
    scene.server(0).last.answer(204);
    await scene.settle();
  }
  expect(scene.server(0).connections).toBe(1);
});

test('bodies and trailers go through both ways', async () => {
  const scene = new Scene();
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  client.send('a');
  await scene.settle();
  client.send('b');
  client.sendEnd();
  expect(scene.server(0).last.got).toEqual(['body:a', 'body:b', 'end']);
  scene.server(0).last.answer(200, 'x', { trailers: [['grpc-status', '0']] });
  await scene.settle();
  expect(client.got).toEqual(['200', 'body:x', 'trailers:grpc-status=0', 'end']);
  expect(scene.outcome).toMatchObject({ grpcStatus: 0, requestBytes: 2 });
});

describe('back-pressure', () => {
  test('a client that is slow stops the endpoint', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client);
    await scene.settle();
    const { last } = scene.server(0);
    last.begin(200);
    client.room = false;
    last.receiver.data(Buffer.from('much'));
    expect(last.paused).toBe(true);
    client.receiver?.drained();
    expect(last.paused).toBe(false);
  });
  test('an endpoint that is slow stops the client', async () => {
    const scene = new Scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    scene.start(client);
    await scene.settle();
    const { last } = scene.server(0);
    last.room = false;
    client.send('much');
    expect(client.paused).toBe(true);
    last.receiver.drained();
    expect(client.paused).toBe(false);
  });
  test('while there is no connection the client is stopped', async () => {
    const scene = new Scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    scene.start(client);
    client.send('early');
    expect(client.paused).toBe(true);
    await scene.settle();
    expect([client.paused, scene.server(0).last.got]).toEqual([false, ['body:early']]);
  });
});

describe('what is tried again', () => {
  test('an endpoint that cannot be connected to: another one, by default', async () => {
    const scene = new Scene();
    scene.server(0).accepts = false;
    const client = new TestClient({ method: 'POST' });
    scene.start(client, { retry: defaultRetry });
    await scene.clock.advance(ms(100));
    scene.server(1).last.answer(200);
    await scene.settle();
    expect([client.got, scene.outcome?.attempts]).toEqual([['200', 'end'], 2]);
    scene.expectQuiet();
  });
  test('nobody can be connected to: 503, and the flags say that retries are used up', async () => {
    const scene = new Scene();
    for (const server of scene.servers) server.accepts = false;
    const client = new TestClient();
    scene.start(client, { retry: defaultRetry });
    await scene.clock.advance(ms(1_000));
    expect(scene.outcome).toMatchObject({ status: 503, flags: ['URX', 'UF'], attempts: 3 });
    scene.expectQuiet();
  });
  test('a refused stream, whatever it asks for', async () => {
    const scene = new Scene();
    const client = new TestClient({ method: 'POST' });
    scene.start(client, { retry: defaultRetry });
    await scene.settle();
    scene.server(0).last.fail(refused());
    await scene.clock.advance(ms(100));
    scene.server(1).last.answer(200);
    await scene.settle();
    expect(client.got).toEqual(['200', 'end']);
  });
  test('a reset is not, by default', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { retry: defaultRetry });
    await scene.settle();
    scene.server(0).last.fail(lost());
    await scene.clock.advance(ms(1_000));
    expect(scene.outcome).toMatchObject({ status: 503, flags: ['UC'], attempts: 1 });
  });

  for (const [method, again] of [
    ['GET', true],
    ['DELETE', true],
    ['POST', false],
    ['PATCH', false],
  ] as const)
    test(`a kept connection that turns out dead: ${method} is ${again ? '' : 'not '}sent again`, async () => {
      const scene = new Scene({ servers: 1 });
      scene.start(new TestClient());
      await scene.settle();
      scene.server(0).last.answer(200);
      await scene.settle();
      const client = new TestClient({ method });
      scene.start(client);
      await scene.settle();
      scene.server(0).last.fail(lost());
      await scene.settle();
      if (again) scene.server(0).last.answer(200);
      await scene.settle();
      expect(client.got).toEqual(again ? ['200', 'end'] : ['503', expect.stringContaining('body:'), 'end']);
      scene.expectQuiet();
    });

  test('statuses that the route names, as often as it says; then the last one counts', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { retry: { ...always, attempts: 2 } });
    for (const status of [500, 503, 500]) {
      await scene.clock.advance(ms(1_000));
      const open = scene.servers.flatMap(({ requests }) => requests.slice(-1)).find(({ got }) => !got.includes('aborted'));
      open?.answer(status);
    }
    await scene.settle();
    expect(client.got[0]).toBe('500');
    expect(scene.outcome).toMatchObject({ status: 500, attempts: 3, flags: ['URX'] });
    scene.expectQuiet();
  });
  test('a status that it does not name passes', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { retry: { attempts: 3, codes: [500], on: [] } });
    await scene.settle();
    scene.server(0).last.answer(503);
    await scene.settle();
    expect(scene.outcome).toMatchObject({ status: 503, attempts: 1 });
  });
  test('a gRPC status', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { retry: defaultRetry });
    await scene.settle();
    scene.server(0).last.answer(200, '', { headers: [['grpc-status', '14']] });
    await scene.clock.advance(ms(100));
    scene.server(1).last.answer(200, '', { headers: [['grpc-status', '0']] });
    await scene.settle();
    expect(scene.outcome).toMatchObject({ attempts: 2, grpcStatus: 0 });
  });
  test('a body that fits is sent again', async () => {
    const scene = new Scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    scene.start(client, { retry: always });
    await scene.settle();
    client.send('abc');
    client.sendEnd();
    scene.server(0).last.answer(503);
    await scene.clock.advance(ms(1_000));
    expect(scene.server(1).last.got).toEqual(['body:abc', 'end']);
  });
  test('a body that is too long is not', async () => {
    const scene = new Scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    scene.start(client, { retry: always });
    await scene.settle();
    client.send('x'.repeat(100));
    client.send('y');
    client.sendEnd();
    scene.server(0).last.answer(503);
    await scene.clock.advance(ms(1_000));
    expect(scene.outcome).toMatchObject({ status: 503, attempts: 1 });
  });
  test('nothing, once the answer has begun', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { retry: always });
    await scene.settle();
    scene.server(0).last.begin(200);
    scene.server(0).last.fail(lost());
    await scene.clock.advance(ms(1_000));
    expect(client.got).toEqual(['200', 'cut']);
    expect(scene.outcome).toMatchObject({ status: 200, flags: ['UC'], attempts: 1 });
  });
  test('a budget of none leaves the first answer', async () => {
    const scene = new Scene({ settings: { retryBudget: { percent: 0, minRetries: 0 } } });
    const client = new TestClient();
    scene.start(client, { retry: always });
    await scene.settle();
    scene.server(0).last.answer(503);
    await scene.settle();
    expect(scene.outcome).toMatchObject({ status: 503, attempts: 1, flags: ['UO'] });
  });
});

describe('time', () => {
  test('no answer within the limit: 504', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { requestTimeout: 500 });
    await scene.settle();
    await scene.clock.advance(ms(500));
    expect(client.got[0]).toBe('504');
    expect(scene.outcome).toMatchObject({ status: 504, flags: ['UT'] });
    expect(scene.server(0).last.got).toEqual(['end', 'aborted']);
    scene.expectQuiet();
  });
  test('an answer that is not whole by then is cut', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { requestTimeout: 500 });
    await scene.settle();
    scene.server(0).last.begin(200);
    await scene.clock.advance(ms(500));
    expect(client.got).toEqual(['200', 'cut']);
    scene.expectQuiet();
  });
  test('an attempt that takes too long is tried elsewhere', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client, { attemptTimeout: 200, retry: always });
    await scene.settle();
    await scene.clock.advance(ms(300));
    scene.server(1).last.answer(200);
    await scene.settle();
    expect([client.got, scene.outcome?.attempts]).toEqual([['200', 'end'], 2]);
    scene.expectQuiet();
  });
  test('the whole time includes retries', async () => {
    const scene = new Scene();
    scene.start(new TestClient(), { requestTimeout: 350, attemptTimeout: 200, retry: always });
    await scene.settle();
    await scene.clock.advance(ms(350));
    expect(scene.outcome).toMatchObject({ status: 504, flags: ['UT'] });
    scene.expectQuiet();
  });
});

describe('an exchange on which nothing moves', () => {
  const scene = (): Scene => {
    const made = new Scene();
    made.idle = ms(1_000);
    return made;
  };

  test('ends when the endpoint never answers: 504', async () => {
    const idle = scene();
    const client = new TestClient();
    idle.start(client);
    await idle.clock.advance(ms(1_250));
    expect(client.got).toEqual(['504', 'body:stream timeout', 'end']);
    expect(idle.outcome).toMatchObject({ status: 504, flags: ['SI'], detail: 'nothing moved for 1000 ms' });
    idle.expectQuiet();
  });

  test('ends when the client never sends its body: 408', async () => {
    const idle = scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    idle.start(client);
    await idle.clock.advance(ms(1_250));
    expect(client.got[0]).toBe('408');
    idle.expectQuiet();
  });

  test('is cut when the answer stops', async () => {
    const idle = scene();
    const client = new TestClient();
    idle.start(client);
    await idle.settle();
    idle.server(0).last.begin(200);
    idle.server(0).last.receiver.data(Buffer.from('a'));
    await idle.clock.advance(ms(1_500));
    expect(client.got).toEqual(['200', 'body:a', 'cut']);
    expect(idle.outcome).toMatchObject({ flags: ['SI'] });
    idle.expectQuiet();
  });

  test('lives on as long as something moves now and then', async () => {
    const idle = scene();
    const client = new TestClient({ method: 'POST', bodyless: false });
    idle.start(client);
    for (let turn = 0; turn < 9; turn++) {
      await idle.clock.advance(ms(900));
      client.send('a');
    }
    expect(client.got).toEqual([]);
    client.sendEnd();
    idle.server(0).last.answer(200);
    await idle.settle();
    await idle.clock.advance(ms(5_000));
    expect(idle.outcome).toMatchObject({ status: 200, flags: [] });
  });
});

describe('ends', () => {
  test('a client that goes takes its attempt along', async () => {
    const scene = new Scene();
    const client = new TestClient();
    scene.start(client);
    await scene.settle();
    client.leave();
    await scene.settle();
    expect(scene.outcome).toMatchObject({ status: 0, flags: ['DC'] });
    expect(scene.server(0).last.got).toEqual(['end', 'aborted']);
    scene.expectQuiet();
  });
  test('a client that goes while a connection is being opened leaves it to others', async () => {
    const scene = new Scene({ servers: 1 });
    const client = new TestClient();
    scene.start(client);
    client.leave();
    await scene.settle();
    expect(scene.server(0).requests).toHaveLength(0);
    scene.expectQuiet();
  });
  test('nobody there: 503', async () => {
    const scene = new Scene({ servers: 0 });
    const client = new TestClient();
    scene.start(client);
    await scene.settle();
    expect(client.got).toEqual(['503', 'body:no healthy upstream', 'end']);
    expect(scene.outcome).toMatchObject({ flags: ['UH'] });
  });
  test('nobody there, for gRPC: UNAVAILABLE', async () => {
    const scene = new Scene({ servers: 0 });
    const client = new TestClient({ headers: [['content-type', 'application/grpc']] });
    scene.start(client);
    await scene.settle();
    expect(client.answer?.headers).toContainEqual(['grpc-status', '14']);
    expect(scene.outcome).toMatchObject({ status: 200, grpcStatus: 14 });
  });
  test('too many at once: 503', async () => {
    const scene = new Scene({ settings: { pool: { maxRequests: 1 } } });
    scene.start(new TestClient());
    await scene.settle();
    const client = new TestClient();
    scene.start(client);
    await scene.settle();
    expect(scene.outcome).toMatchObject({ status: 503, flags: ['UO'] });
    expect(client.answer?.headers).toContainEqual(['x-envoy-overloaded', 'true']);
  });
});

test('an upgrade becomes raw bytes both ways, and has no limit of time', async () => {
  const scene = new Scene();
  const client = new TestClient({ bodyless: false, upgrade: 'websocket' });
  scene.start(client, { requestTimeout: 500 });
  await scene.settle();
  const { last } = scene.server(0);
  last.begin(101);
  client.send('ping');
  last.receiver.data(Buffer.from('pong'));
  await scene.clock.advance(ms(10_000));
  expect([client.got, last.got]).toEqual([['101', 'body:pong'], ['body:ping']]);
});

test('a session goes to its pod, and elsewhere when that fails', async () => {
  const scene = new Scene();
  const second = scene.endpoints[1]?.workload.uid;
  scene.start(new TestClient(), { sticky: second });
  await scene.settle();
  expect(scene.server(1).requests).toHaveLength(1);
  scene.server(1).last.answer(200);
  await scene.settle();
  scene.start(new TestClient(), { sticky: 'gone' });
  await scene.settle();
  expect(scene.server(0).requests).toHaveLength(1);
});
