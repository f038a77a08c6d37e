// Rules of the node's way for health probes: who is in the set, what is written when, and that real probes pass where nobody else does.
// Beside probe-set.ts and probe-rules.ts; needs root, nft and setpriv. The node is a namespace that forwards between its pods.
import { once } from 'node:events';
import { canonicalIp, type Ip } from '@ambient-mesh/model/address';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyRules } from './apply-rules.ts';
import { listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { noProbeRules, type ProbeNode, probeTable } from './probe-rules.ts';
import { ProbeSet } from './probe-set.ts';
import { rulesGeneration } from './rules-generation.ts';
import { runIn } from './run-in.ts';
import { connect, sayDestination, serve } from './testing/connections.ts';
import { knock } from './testing/knocking.ts';

const soon = () => AbortSignal.timeout(15_000);
const probe = { v4: '169.254.7.127' as Ip, v6: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff' as Ip };
const anyUser: ProbeNode = { kubeletUid: undefined, ipv6: true, probe };
const ip = (text: string): Ip => text as Ip;
const [a4, a6, b4] = [ip('10.9.1.2'), ip('fd09:1::2'), ip('10.9.2.2')];

let node: Netns;
let parts: DisposableStack;
beforeEach(() => {
  parts = new DisposableStack();
  node = parts.use(Netns.create());
});
afterEach(() => parts.dispose());

const nft = (text: string): Promise<string> => runIn(node, ['nft', '-f', '-'], soon(), { stdin: text });

/** As the kernel has them: `address uid`. */
async function inKernel(): Promise<string[]> {
  const { [probeTable]: entries = [] } = await listRules(node, [probeTable], soon());
  type Element = { elem: { val: string; comment: string } };
  const sets = entries.flatMap((entry) => ('set' in entry ? [(entry.set as { elem?: Element[] }).elem ?? []] : []));
  return sets
    .flat()
    .map(({ elem: { val, comment } }) => `${val} ${comment}`)
    .sort();
}

describe('who is in the set', () => {
  test('upsert: addresses of both families, each told with its pod', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    expect(await inKernel()).toEqual([`${a4} pod-a`, `${a6} pod-a`]);
  });

  test('without IPv6 on the node only IPv4 addresses are written', async () => {
    const set = await ProbeSet.open(node, { ...anyUser, ipv6: false }, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    expect(await inKernel()).toEqual([`${a4} pod-a`]);
    expect(await set.check(soon())).toBe(true);
  });

  test("an address that is used again is its new pod's, and the old pod cannot take it away", async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4], soon());
    await set.upsert('pod-b', [a4], soon());
    await set.remove('pod-a', [a4], soon());
    expect(await inKernel()).toEqual([`${a4} pod-b`]);
    await set.remove('pod-b', [a4], soon());
    expect(await inKernel()).toEqual([]);
  });

  test('what is so already is not written again', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4], soon());
    const before = rulesGeneration(node);
    await set.upsert('pod-a', [a4], soon());
    await set.remove('pod-b', [a4, b4], soon());
    expect(rulesGeneration(node)).toBe(before);
  });

  test('sync prunes who is not told', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    await set.sync(new Map([['pod-b', [b4]]]), { prune: true }, soon());
    expect(await inKernel()).toEqual([`${b4} pod-b`]);
  });

  test('sync prunes nothing when it is told not to', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4], soon());
    await set.sync(new Map([['pod-b', [b4]]]), { prune: false }, soon());
    expect(await inKernel()).toEqual([`${a4} pod-a`, `${b4} pod-b`]);
  });

  test('what an earlier agent has left is taken over; rules of an older layout go', async () => {
    const earlier = await ProbeSet.open(node, anyUser, soon());
    await earlier.upsert('pod-a', [a4, a6], soon());
    await nft(`add chain inet ${probeTable} older { type filter hook input priority 0 ; policy drop ; }`);
    const set = await ProbeSet.open(node, { ...anyUser, kubeletUid: 1000 }, soon());
    expect(await inKernel()).toEqual([`${a4} pod-a`, `${a6} pod-a`]);
    expect(await set.check(soon())).toBe(true);
    expect(await runIn(node, ['nft', 'list', 'ruleset'], soon())).not.toContain('older');
  });

  test("a stranger's element without a pod, or with a comment that is no uid, is not taken over", async () => {
    await nft(`add table inet ${probeTable}
      add set inet ${probeTable} istio-inpod-probes-v4 { type ipv4_addr ; }
      add element inet ${probeTable} istio-inpod-probes-v4 { 10.0.0.1, 10.0.0.2 comment "a b; c", 10.0.0.3 comment "pod-c" }\n`);
    await ProbeSet.open(node, anyUser, soon());
    expect(await inKernel()).toEqual(['10.0.0.3 pod-c']);
  });
});

describe('writing', () => {
  test('changes that come together are written together', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    const before = rulesGeneration(node);
    const pods = Array.from({ length: 100 }, (_, i) => [`pod-${i}`, ip(`10.1.0.${i}`)] as const);
    await Promise.all(pods.map(([uid, own]) => set.upsert(uid, [own], soon())));
    expect(await inKernel()).toHaveLength(100);
    expect(rulesGeneration(node) - before).toBeLessThan(4);
    expect(await set.check(soon())).toBe(true);
  });

  test('whoever asks again while it is being written waits until it is', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    const first = set.upsert('pod-a', [a4], soon());
    await set.upsert('pod-a', [a4], soon());
    expect(await inKernel()).toEqual([`${a4} pod-a`]);
    await first;
  });

  test('one who gives up does not take the others along', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    const gaveUp = set.upsert('pod-a', [a4], AbortSignal.abort(new Error('no more')));
    const stays = set.upsert('pod-b', [b4], soon());
    await expect(gaveUp).rejects.toThrow('no more');
    await stays;
    expect(await inKernel()).toEqual([`${a4} pod-a`, `${b4} pod-b`]);
  });

  test('RemovePodAlwaysRemovesIPSetEntryEvenOnFail: what could not be written is made up for by whoever comes next', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4], soon());
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await expect(set.remove('pod-a', [a4], soon())).rejects.toMatchObject({ fault: { code: 'host.run' } });
      await expect(set.upsert('pod-b', [b4], soon())).rejects.toMatchObject({ fault: { code: 'host.run' } });
    } finally {
      process.env.PATH = path;
    }
    expect(await set.check(soon())).toBe(false);
    await set.remove('pod-a', [a4], soon());
    expect(await inKernel()).toEqual([`${b4} pod-b`]);
    expect(await set.check(soon())).toBe(true);
  });

  const damages: readonly (readonly [what: string, text: string])[] = [
    ['everything flushed', 'flush ruleset'],
    ['the table deleted', `delete table inet ${probeTable}`],
    ['the rules flushed', `flush chain inet ${probeTable} postrouting`],
    ['the set flushed', `flush set inet ${probeTable} istio-inpod-probes-v6`],
    ['an address added', `add element inet ${probeTable} istio-inpod-probes-v4 { 10.7.7.7 }`],
    ["a stranger's rule", `insert rule inet ${probeTable} postrouting accept`],
  ];
  test.each(damages)('damage is noticed and repaired: %s', async (_, text) => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    expect(await set.check(soon())).toBe(true);
    await nft(text);
    expect(await set.check(soon())).toBe(false);
    await set.sync(new Map(), { prune: false }, soon());
    expect(await set.check(soon())).toBe(true);
    expect(await inKernel()).toEqual([`${a4} pod-a`, `${a6} pod-a`]);
  });

  test('changes while somebody checks are no damage', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    const checks: Promise<boolean>[] = [];
    for (let i = 0; i < 30; i++) {
      checks.push(set.check(soon()));
      const written = set.upsert('pod-a', [ip(`10.1.0.${i}`)], soon());
      checks.push(set.check(soon()));
      await written;
    }
    expect(new Set(await Promise.all(checks))).toEqual(new Set([true]));
    expect(await set.check(soon())).toBe(true);
  });

  test("others' tables are no damage", async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await nft('add table inet theirs\nadd chain inet theirs postrouting { type nat hook postrouting priority 90 ; }');
    expect(await set.check(soon())).toBe(true);
  });

  test('HostCleanRoundTrip: clear leaves nothing, and the set can be used again', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4], soon());
    const last = set.upsert('pod-b', [b4], soon());
    await set.clear(soon());
    await last;
    expect(await runIn(node, ['nft', 'list', 'ruleset'], soon())).toBe('');
    await set.upsert('pod-b', [b4], soon());
    expect(await inKernel()).toEqual([`${b4} pod-b`]);
    await nft(noProbeRules());
    await nft(noProbeRules());
  });

  test('HostIdempotentEquivalentRerun: opening twice leaves the same', async () => {
    const rules = async () => listRules(node, [probeTable], soon());
    await (await ProbeSet.open(node, anyUser, soon())).upsert('pod-a', [a4, a6], soon());
    const before = await rules();
    await ProbeSet.open(node, anyUser, soon());
    expect(await rules()).toEqual(before);
  });
});

// One node for all of them: a new link needs a second until IPv6 works on it.
describe('probes', () => {
  const parts = new DisposableStack();
  const node = parts.use(Netns.create());
  afterAll(() => parts.dispose());

  async function pod(number: number): Promise<Netns> {
    const netns = parts.use(Netns.create());
    const far = `/proc/${process.pid}/fd/${netns.fd}`;
    const batch = (where: Netns, lines: readonly string[]) =>
      runIn(where, ['ip', '-batch', '-'], soon(), { stdin: `${lines.join('\n')}\n` });
    await batch(node, [
      `link add pod${number} type veth peer name eth0 netns ${far}`,
      `addr add 10.9.${number}.1/24 dev pod${number}`,
      `addr add fd09:${number}::1/64 dev pod${number} nodad`,
      `link set pod${number} up`,
    ]);
    await batch(netns, [
      `addr add 10.9.${number}.2/24 dev eth0`,
      `addr add fd09:${number}::2/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via 10.9.${number}.1`,
      `route add ::/0 via fd09:${number}::1`,
    ]);
    return netns;
  }

  /** What the pod answers to a process of this user. */
  const asked = (from: Netns, to: Ip, user: number): Promise<string> =>
    runIn(
      from,
      ['setpriv', `--reuid=${user}`, '--clear-groups', 'timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${to}/8080; cat <&3`],
      soon(),
    );

  let a: Netns;
  let b: Netns;
  let captured = 0;
  beforeAll(async () => {
    await runIn(node, ['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'], soon());
    [a, b] = [await pod(1), await pod(2)];
    await applyRules(a, { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] }, soon());
    await serve(parts, { netns: a, port: 8080 }, (socket) => socket.end(`app, asked by ${canonicalIp(socket.remoteAddress ?? '')}`));
    await serve(parts, { netns: a, port: 15_006, ours: true }, (socket) => {
      captured++;
      socket.end(`tunnel, asked by ${canonicalIp(socket.remoteAddress ?? '')}`);
    });
  });

  const someone = 65_534;
  const rows: readonly (readonly [
    who: string,
    kubeletUid: number | undefined,
    from: 'node' | 'b',
    user: number,
    answer: [v4: string, v6: string],
  ])[] = [
    ['the kubelet reaches the app', 0, 'node', 0, [`app, asked by ${probe.v4}`, `app, asked by ${probe.v6}`]],
    ['a kubelet that is not root reaches the app', someone, 'node', someone, [`app, asked by ${probe.v4}`, `app, asked by ${probe.v6}`]],
    ['another local user is captured', 0, 'node', someone, ['tunnel, asked by 10.9.1.1', 'tunnel, asked by fd09:1::1']],
    ['root is captured when the kubelet is not root', someone, 'node', 0, ['tunnel, asked by 10.9.1.1', 'tunnel, asked by fd09:1::1']],
    [
      'any local user reaches the app when nobody knows the kubelet',
      undefined,
      'node',
      someone,
      [`app, asked by ${probe.v4}`, `app, asked by ${probe.v6}`],
    ],
    [
      "another pod's traffic keeps its address, and is captured",
      undefined,
      'b',
      0,
      ['tunnel, asked by 10.9.2.2', 'tunnel, asked by fd09:2::2'],
    ],
    ["another pod's traffic of the kubelet's uid does, too", 0, 'b', 0, ['tunnel, asked by 10.9.2.2', 'tunnel, asked by fd09:2::2']],
  ];
  test.each(rows)('%s', async (_, kubeletUid, from, user, answer) => {
    const set = await ProbeSet.open(node, { ...anyUser, kubeletUid }, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    const place = { node, b }[from];
    expect([await asked(place, a4, user), await asked(place, a6, user)]).toEqual(answer);
  });

  test('a pod that is not in the set sees the node itself', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.sync(new Map(), { prune: true }, soon());
    expect(await asked(node, a4, 0)).toBe('tunnel, asked by 10.9.1.1');
  });

  test("what the pod itself opens to the probe's address is not captured", async () => {
    await serve(parts, { netns: a, port: 15_001, ours: true }, sayDestination('out'));
    await runIn(node, ['ip', 'addr', 'add', `${probe.v4}/32`, 'dev', 'lo'], soon());
    await serve(parts, { netns: node, port: 8080 }, (socket) => socket.end('node'));
    expect(await asked(a, probe.v4, 0)).toBe('node');
  });

  test('a probe that is open, and those that begin, go on while the set changes', async () => {
    const set = await ProbeSet.open(node, anyUser, soon());
    await set.upsert('pod-a', [a4, a6], soon());
    await serve(parts, { netns: a, port: 8081 }, (socket) => socket.on('data', (said) => socket.write(said)));
    const open = connect(parts, node, { ip: a4, port: 8081 });
    await once(open, 'connect');
    captured = 0;
    await serve(parts, { netns: a, port: 8082 }, (socket) => socket.destroy());
    const knocking = [a4, a6].map((to) => knock(node, { ip: to, port: 8082 }));
    await expect.poll(() => knocking.every(({ count }) => count() > 0), { timeout: 10_000 }).toBe(true);
    for (let i = 0; i < 100; i++) await set.upsert('pod-b', [ip(`10.1.0.${i}`)], soon());
    for (const { accepted, refused, other } of await Promise.all(knocking.map(({ stop }) => stop()))) {
      expect({ captured, refused, other }).toEqual({ captured: 0, refused: 0, other: 0 });
      expect(accepted).toBeGreaterThan(100);
    }
    open.write('still there');
    expect(String((await once(open, 'data'))[0])).toBe('still there');
  });
});
