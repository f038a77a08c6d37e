// The lab tested without a mesh: plain pods reach one another over both families, and teardown leaves nothing behind.
import { readdirSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lab } from './lab.ts';
import type { Node } from './node.ts';
import type { Pod } from './pod.ts';
import { stormMismatches } from './storm-check.ts';

const netnsOfChildren = (): string[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [readlinkSync(`/proc/${pid}/ns/net`)];
      } catch {
        return [];
      }
    });

describe('pods outside the mesh', () => {
  let lab: Lab;
  let nodes: readonly [Node, Node];
  let pods: Record<'a1' | 'a2' | 'b1', Pod>;

  beforeAll(async () => {
    lab = await Lab.start();
    nodes = [await lab.node('a'), await lab.node('b')];
    const servers = {
      7000: { kind: 'peer' },
      7001: { kind: 'double-echo' },
      7002: { kind: 'storm' },
      7003: { kind: 'source', bytes: 100_000 },
    } as const;
    const [a1, a2, b1] = await Promise.all([
      nodes[0].pod({ name: 'a1', servers }),
      nodes[0].pod({ name: 'a2', servers }),
      nodes[1].pod({ name: 'b1', servers }),
    ]);
    pods = { a1, a2, b1 };
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  const pairs = [
    ['a1', 'a2'],
    ['a1', 'b1'],
    ['b1', 'a2'],
    ['a1', 'a1'],
  ] as const;
  for (const [from, to] of pairs) {
    for (const family of ['v4', 'v6'] as const) {
      test(`${from} reaches ${to} over ${family} and is seen under its own address`, async () => {
        const address = pods[to].addresses[family];
        const host = family === 'v6' ? `[${address}]` : address;
        expect(await pods[from].call(`${host}:7000`, { until: 5 })).toMatchObject({
          outcome: 'answered',
          text: expect.stringContaining(pods[from].addresses[family]),
        });
        expect(await pods[from].call(`${host}:7001`, { send: 'hello world', until: 22 })).toMatchObject({
          outcome: 'answered',
          text: 'hello worldhello world',
        });
      });
    }
  }

  test('a call reads to the end when no length is given', async () => {
    expect(await pods.a1.call(`${pods.b1.ip}:7003`)).toMatchObject({ outcome: 'answered', bytes: 100_000 });
  });

  test('a closed port refuses', async () => {
    expect(await pods.a1.call(`${pods.b1.ip}:9`)).toMatchObject({ outcome: 'not-connected', code: 'ECONNREFUSED' });
  });

  test('an address outside the lab is unreachable at once', async () => {
    expect(await pods.a1.call('192.0.2.1:80')).toMatchObject({ outcome: 'not-connected', code: expect.stringMatching(/UNREACH/) });
  });

  test('a storm of connections is hashed alike at both ends', async () => {
    const to = `${pods.b1.ip}:7002`;
    const client = await pods.a1.app.ask('storm', { to, connections: 100, maxBytes: 300_000, spreadMs: 100, paceMs: 100, seed: 1 });
    expect(await stormMismatches(client, pods.b1)).toEqual([]);
  });

  test('names of links and addresses stay inside the lab', () => {
    expect(Object.keys(networkInterfaces()).filter((name) => /^(br0|node\d|pod\d)/.test(name))).toEqual([]);
  });
});

test('teardown leaves no namespace, process or file behind', async () => {
  const before = new Set(netnsOfChildren());
  const fds = readdirSync('/proc/self/fd').length;
  const lab = await Lab.start();
  const folder = lab.folder;
  const node = await lab.node('a');
  const pod = await node.pod({ name: 'p' });
  const pid = pod.app.pid;
  expect(new Set(netnsOfChildren()).size).toBe(before.size + 1);
  await lab[Symbol.asyncDispose]();
  expect(new Set(netnsOfChildren())).toEqual(before);
  expect(readdirSync('/proc')).not.toContain(String(pid));
  expect(() => readdirSync(folder)).toThrow('ENOENT');
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(fds);
});
