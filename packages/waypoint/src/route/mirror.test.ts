// Copies of requests: what they carry, that they are in nobody's way, and that none outlives its use.
import { ConnectionFacts } from '@ambient-mesh/model/l7/request-facts';
import { Mesh } from '@ambient-mesh/model/mesh';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, workload } from '@ambient-mesh/model/testing';
import { Drain } from '@ambient-mesh/runtime/drain';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import type { BodyReceiver } from '@ambient-mesh/wire/http/exchange';
import { expect, test } from 'vitest';
import type { Destination } from '../dispatch/destination.ts';
import type { Destinations } from '../dispatch/destinations.ts';
import { Endpoint } from '../dispatch/endpoint.ts';
import { Links } from '../dispatch/links.ts';
import type { Inlet } from '../inlet.ts';
import type { Shared } from '../shared.ts';
import { TestClient, TestServer } from '../testing/exchange.ts';
import type { World } from '../world.ts';
import { mirrorsOf } from './mirror.ts';

const clientId = spiffeId('cluster.local', 'ns', 'client');
const dialled = { ip: ip('10.0.0.2'), port: 80 };
const inlet: Inlet = {
  to: { workload: workload({ name: 'server', ips: ['10.0.0.2'] }) },
  port: 80,
  client: clientId,
  from: { ip: ip('10.0.0.1'), port: 40_000 },
  authority: dialled,
  source: { workload: undefined, identity: clientId },
  facts: new ConnectionFacts(ip('10.0.0.1'), dialled, clientId),
};

/** One mirror backend; the request itself is read by nobody but the test. */
class Scene {
  readonly clock = fakeClock();
  readonly server = new TestServer();
  readonly got: string[] = [];

  start(client: TestClient): void {
    const { clock } = this;
    const links = new Links({ open: this.server.open, mayOpen: () => true, clock }, { idle: ms(1e9), requestsPerConnection: 0 });
    const endpoint = new Endpoint({ workload: workload({ name: 'copy' }), port: 8080 }, links);
    const destination = { name: { service: 'ns/copy', port: 80 }, settings: { ports: [] }, choose: () => endpoint };
    const shared = {
      clock,
      drain: new Drain({ deadline: ms(1), clock }),
      world: { mesh: new Mesh() } as Partial<World> as World,
      destinations: { service: () => destination as Partial<Destination> as Destination } as Partial<Destinations> as Destinations,
    } as Partial<Shared> as Shared;
    const mirrored = mirrorsOf(shared, inlet, [{ service: 'ns/copy', port: 80 }], client.head, client);
    const receiver: BodyReceiver = {
      data: (bytes) => this.got.push(`body:${bytes}`),
      end: () => this.got.push('end'),
      drained: () => {},
      closed: () => this.got.push('closed'),
    };
    mirrored?.request.receive(receiver);
  }

  settle(): Promise<void> {
    return this.clock.advance(ms(0));
  }
}

test('nothing to copy: no copy', () => {
  const client = new TestClient();
  expect(mirrorsOf({} as Partial<Shared> as Shared, inlet, [{ invalid: 'gone' }], client.head, client)).toBeUndefined();
});

for (const [authority, marked] of [
  ['shop', 'shop-shadow'],
  ['shop:8080', 'shop-shadow:8080'],
  ['[::1]', '[::1]-shadow'],
  ['[::1]:80', '[::1]-shadow:80'],
] as const)
  test(`a copy of a request for ${authority} says so: ${marked}`, async () => {
    const scene = new Scene();
    scene.start(new TestClient({ authority }));
    await scene.settle();
    expect(scene.server.last.head.authority).toBe(marked);
  });

test('the body goes both ways at once, whether the copy has its connection yet or not', async () => {
  const scene = new Scene();
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  client.send('a');
  await scene.settle();
  client.send('b');
  client.sendEnd();
  expect(scene.got).toEqual(['body:a', 'body:b', 'end']);
  expect(scene.server.last.got).toEqual(['body:a', 'body:b', 'end']);
});

test('a copy whose endpoint does not keep up is given up; the request goes on', async () => {
  const scene = new Scene();
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  await scene.settle();
  scene.server.last.room = false;
  client.send('a');
  client.send('b');
  expect(scene.server.last.got).toEqual(['body:a', 'aborted']);
  expect(scene.got).toEqual(['body:a', 'body:b']);
});

test('what waits for the connection of a copy is bounded', async () => {
  const scene = new Scene();
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  for (let turn = 0; turn < 5; turn++) client.send('x'.repeat(64 * 1024));
  await scene.settle();
  expect(scene.server.requests).toEqual([]);
  expect(scene.got).toHaveLength(5);
});

test('nobody to connect to: the request does not notice', async () => {
  const scene = new Scene();
  scene.server.accepts = false;
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  await scene.settle();
  client.send('a');
  expect(scene.got).toEqual(['body:a']);
});

test('an endpoint that never answers its copy loses it after a minute', async () => {
  const scene = new Scene();
  scene.start(new TestClient());
  await scene.clock.advance(ms(59_000));
  expect(scene.server.last.got).toEqual(['end']);
  await scene.clock.advance(ms(1_000));
  expect(scene.server.last.got).toEqual(['end', 'aborted']);
});

test('a client that goes takes the copy along', async () => {
  const scene = new Scene();
  const client = new TestClient({ method: 'POST', bodyless: false });
  scene.start(client);
  await scene.settle();
  client.leave();
  expect(scene.server.last.got).toEqual(['aborted']);
  expect(scene.got).toEqual(['closed']);
});
