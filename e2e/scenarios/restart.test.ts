// Nothing is lost: a thousand connections of random sizes and half-closes, every byte hashed at both ends; then again while
// both ztunnels are replaced by new processes under the load.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StormOrder, StormReport } from '../lab/apps/protocol.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import { stormMismatches } from '../lab/storm-check.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';

const servers = { 8080: { kind: 'storm' } } as const;
const env = { CONNECTION_TERMINATION_DEADLINE: '30s' };

let lab: Lab;
let a: Node;
let b: Node;
let tunnels: readonly [Ztunnel, Ztunnel];
let pods: Record<'client' | 'near' | 'far', Pod>;

beforeAll(async () => {
  lab = await Lab.start();
  [a, b] = [await lab.node('a'), await lab.node('b')];
  tunnels = await Promise.all([a.ztunnel({ env }), b.ztunnel({ env })]);
  const [client, near, far] = await Promise.all([
    a.pod({ name: 'client', captured: true }),
    a.pod({ name: 'near', captured: true, servers }),
    b.pod({ name: 'far', captured: true, servers }),
  ]);
  pods = { client, near, far };
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const storm = (order: Partial<StormOrder> & Pick<StormOrder, 'to'>): Promise<readonly StormReport[]> =>
  pods.client.app.ask('storm', {
    connections: 1_000,
    maxBytes: 1_000_000,
    spreadMs: 500,
    paceMs: 3_000,
    seed: Date.now() % 1_000_000,
    ...order,
  });

for (const where of ['near', 'far'] as const) {
  test(`1,000 concurrent connections to a server on the ${where === 'near' ? 'same' : 'other'} node lose no byte`, async () => {
    expect(await stormMismatches(await storm({ to: `${pods[where].ip}:8080` }), pods[where])).toEqual([]);
  });
}

test('1,000 connections while both ztunnels are replaced: none refused, none cut, no byte lost', async () => {
  const running = storm({ to: `${pods.far.ip}:8080`, spreadMs: 8_000, paceMs: 4_000 });
  const fresh = await Promise.all([a.ztunnel({ env }), b.ztunnel({ env })]);
  for (const old of tunnels) old.child.signal('SIGTERM');
  expect(await stormMismatches(await running, pods.far)).toEqual([]);
  for (const old of tunnels) expect(await old.child.exited(35_000)).toBe(0);
  tunnels = fresh;
});
