// Rules of saying whether a pod's capture rules are whole: every kind of damage is seen, and put right by writing the rules again.
// Beside check-rules.ts and rules-generation.ts; needs root, nft and ip.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { applyRules, removeRules } from './apply-rules.ts';
import { checkRules } from './check-rules.ts';
import { listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { openRules } from './open-rules.ts';
import { type Capture, captureTables } from './redirect-rules.ts';
import { firstGeneration, rulesGeneration } from './rules-generation.ts';
import { runIn } from './run-in.ts';

const capture: Capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: ['tap0'] };
const soon = () => AbortSignal.timeout(20_000);

let pod: Netns;
beforeEach(() => {
  pod = Netns.create();
});
afterEach(() => pod[Symbol.dispose]());

const nft = (lines: string): Promise<string> => runIn(pod, ['nft', '-f', '-'], soon(), { stdin: `${lines}\n` });
const ip = (line: string): Promise<string> => runIn(pod, ['ip', '-force', '-batch', '-'], soon(), { stdin: `${line}\n` });
const ip6 = (line: string): Promise<string> => runIn(pod, ['ip', '-6', '-force', '-batch', '-'], soon(), { stdin: `${line}\n` });
const check = (wanted: Capture = capture) => checkRules(pod, wanted, soon());

/** Deletes the first rule of the chain whose JSON has the text. */
async function deleteRule(table: string, chain: string, text: string): Promise<void> {
  const { nftables } = JSON.parse(await runIn(pod, ['nft', '--json', '--handle', 'list', 'chain', 'inet', table, chain], soon()));
  const found = nftables.find((entry: { rule?: object }) => entry.rule !== undefined && JSON.stringify(entry).includes(text));
  await nft(`delete rule inet ${table} ${chain} handle ${found.rule.handle}`);
}

describe('whole and absent', () => {
  test.each([
    ['both families', capture],
    ['IPv4 alone', { ...capture, ipv6: false }],
    ['without DNS', { ...capture, dnsCapture: false }],
    ['a gateway', { ...capture, ingress: true }],
  ])('rules as they were written are whole: %s', async (_, wanted) => {
    expect(await check(wanted)).toBe('absent');
    await applyRules(pod, wanted, soon());
    expect(await check(wanted)).toBe('whole');
    await removeRules(pod, soon());
    expect(await check(wanted)).toBe('absent');
  });

  test('counters that have counted are no damage', async () => {
    await applyRules(pod, capture, soon());
    await runIn(pod, ['timeout', '1', 'bash', '-c', ': </dev/tcp/127.0.0.1/9'], soon()).catch(() => {});
    expect(await check()).toBe('whole');
  });

  test('a pod that has lost IPv6 is whole without its rules, and damaged with them', async () => {
    await applyRules(pod, capture, soon());
    await runIn(pod, ['sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=1'], soon());
    expect(await check()).toBe('damaged');
    await applyRules(pod, capture, soon());
    expect(await check()).toBe('whole');
  });

  test('on a machine whose fresh namespaces have no IPv6, a pod that has it is whole', async () => {
    // Nobody has asked about this capture before.
    const wanted = { ...capture, virtualInterfaces: ['tap1'] };
    await applyRules(pod, wanted, soon());
    const fresh = Netns.create();
    await runIn(fresh, ['sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=1'], soon());
    using _ = vi.spyOn(Netns, 'create').mockReturnValueOnce(fresh);
    expect(await check(wanted)).toBe('whole');
  });

  test("other captures than the pod's are not whole", async () => {
    await applyRules(pod, capture, soon());
    for (const other of [{ ipv6: false }, { dnsCapture: false }, { ingress: true }, { virtualInterfaces: [] }])
      expect(await check({ ...capture, ...other })).toBe('damaged');
  });

  test('an opened pod is damaged, since it is not captured', async () => {
    await applyRules(pod, capture, soon());
    await openRules(pod, soon());
    expect(await check()).toBe('damaged');
  });

  test('many who ask at once get the same answer', async () => {
    await applyRules(pod, capture, soon());
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => check())))).toEqual(new Set(['whole']));
  });

  test('one who gives up does not spoil it for the others', async () => {
    const unheardOf = { ...capture, virtualInterfaces: ['tap7'] };
    const gaveUp = checkRules(pod, unheardOf, AbortSignal.abort(new Error('no more')));
    const stays = check(unheardOf);
    await expect(gaveUp).rejects.toThrow();
    expect(await stays).toBe('absent');
  });
});

const chains = captureTables.flatMap((table) =>
  ['prerouting', 'output', 'istio-prerouting', 'istio-output'].map((chain) => [table, chain] as const),
);
const nat = 'istio-ambient-nat';
const damages: readonly (readonly [what: string, damage: () => Promise<unknown>])[] = [
  ['everything flushed', () => nft('flush ruleset')],
  ...captureTables.map((table) => [`table ${table} deleted`, () => nft(`delete table inet ${table}`)] as const),
  ...captureTables.map((table) => [`table ${table} asleep`, () => nft(`add table inet ${table} { flags dormant ; }`)] as const),
  ...chains.map(([table, chain]) => [`chain ${table} ${chain} flushed`, () => nft(`flush chain inet ${table} ${chain}`)] as const),
  ['a hook deleted', () => nft(`flush chain inet ${nat} output\ndelete chain inet ${nat} output`)],
  [
    'a hook at another priority',
    () =>
      nft(
        `flush chain inet ${nat} output\ndelete chain inet ${nat} output\nadd chain inet ${nat} output { type nat hook output priority -99 ; }`,
      ),
  ],
  ['a hook that drops', () => nft(`add chain inet ${nat} output { policy drop ; }`)],
  ['the capture of inbound IPv4 deleted', () => deleteRule(nat, 'istio-prerouting', '"port":15006')],
  ['the capture of outbound IPv4 deleted', () => deleteRule(nat, 'istio-output', '"port":15001')],
  ['the capture of outbound IPv6 deleted', () => deleteRule(nat, 'istio-output', '"ip6","field":"daddr"')],
  ["a stranger's rule at the end of our chain", () => nft(`add rule inet ${nat} istio-output tcp dport 443 accept`)],
  ["a stranger's rule at the beginning of our chain", () => nft(`insert rule inet ${nat} istio-output tcp dport 443 accept`)],
  ["a stranger's rule beside our jump", () => nft(`insert rule inet ${nat} prerouting tcp dport 443 accept`)],
  ["a stranger's chain in our table", () => nft(`add chain inet ${nat} theirs { type filter hook input priority 0 ; policy drop ; }`)],
  ["a stranger's set in our table", () => nft(`add set inet ${nat} theirs { type ipv4_addr ; }`)],
  [
    'rules in another order',
    async () => {
      await deleteRule(nat, 'istio-output', '"port":15001');
      await nft(
        `insert rule inet ${nat} istio-output ip daddr != 127.0.0.1 tcp flags syn / fin,syn,rst,ack mark and 0xfff != 0x539 counter redirect to :15001`,
      );
    },
  ],
  ['the rule of IPv4 policy routing deleted', () => ip('rule del pref 32764')],
  ['the rule of IPv6 policy routing deleted', () => ip6('rule del pref 32764')],
  ['the rule of policy routing with another mark', () => ip('rule del pref 32764\nrule add fwmark 0x112/0xfff lookup 100 pref 32764')],
  ['the IPv4 route deleted', () => ip('route flush table 100')],
  ['the IPv6 route deleted', () => ip6('route flush table 100')],
  ['the IPv4 route led elsewhere', () => ip('route replace unreachable default table 100')],
  ['the loopback down and up again', () => ip('link set lo down\nlink set lo up')],
];
describe('damage is seen, and writing the rules again puts it right', () => {
  test.each(damages)('%s', async (_, damage) => {
    await applyRules(pod, capture, soon());
    await damage();
    expect(await check()).toBe('damaged');
    await applyRules(pod, capture, soon());
    expect(await check()).toBe('whole');
    await removeRules(pod, soon());
    expect(await listRules(pod, captureTables, soon())).toEqual({});
  });
});

describe("strangers' rules beside ours", () => {
  const beside: readonly (readonly [what: string, add: () => Promise<unknown>])[] = [
    [
      'a table of the same family',
      () => nft('add table inet theirs\nadd chain inet theirs output { type nat hook output priority -90 ; }'),
    ],
    ['a table of another family with our name', () => nft(`add table ip ${nat}\nadd chain ip ${nat} prerouting`)],
    [
      'a big set',
      () =>
        nft(
          `add table inet theirs\nadd set inet theirs s { type ipv4_addr ; }\nadd element inet theirs s { ${Array.from({ length: 2_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`).join(', ')} }`,
        ),
    ],
    [
      'a table that sleeps, which some nft cannot list',
      () =>
        nft(
          'add table inet theirs\nadd chain inet theirs c\nadd table inet theirs-too { flags dormant ; }\nadd table inet theirs { flags dormant ; }',
        ),
    ],
    ['a policy rule', () => ip('rule add fwmark 0x7 lookup 7 pref 5\nrule add to 10.8.0.0/16 lookup 7 pref 32764')],
    ['a route in table 100', () => ip('route add blackhole 10.8.0.0/16 table 100')],
  ];
  test.each(beside)('%s: neither ours nor damage, and left alone', async (_, add) => {
    const theirs = async () => [
      (await runIn(pod, ['nft', 'list', 'ruleset'], soon())).includes('theirs') ||
        (await runIn(pod, ['nft', 'list', 'tables', 'ip'], soon())) !== '',
      /lookup 7/.test(await runIn(pod, ['ip', 'rule'], soon())),
      /10\.8/.test(await runIn(pod, ['ip', 'route', 'show', 'table', 'all'], soon())),
    ];
    await add();
    const before = await theirs();
    expect(before).toContain(true);
    expect(await check()).toBe('absent');
    await applyRules(pod, capture, soon());
    expect(await check()).toBe('whole');
    await removeRules(pod, soon());
    expect(await check()).toBe('absent');
    expect(await theirs()).toEqual(before);
  });
});

test('CreateInpodRulesConcurrent: forty pods at once, each with its own rules', async () => {
  using all = new DisposableStack();
  const pods = Array.from({ length: 40 }, () => all.use(Netns.create()));
  const wanted = (i: number): Capture => ({ ...capture, dnsCapture: i % 2 === 0, ingress: i % 3 === 0, ipv6: i % 5 !== 0 });
  await Promise.all(pods.map((netns, i) => applyRules(netns, wanted(i), soon())));
  expect(await Promise.all(pods.map((netns, i) => checkRules(netns, wanted(i), soon())))).toEqual(pods.map(() => 'whole'));
});

test('the same pod from many hands at once ends whole', async () => {
  await Promise.all(Array.from({ length: 10 }, () => applyRules(pod, capture, soon())));
  expect(await check()).toBe('whole');
});

test('the rules of a namespace that cannot be entered cannot be read', async () => {
  pod[Symbol.dispose]();
  await expect(check()).rejects.toMatchObject({ fault: { code: 'host.setns' } });
});

describe('the generation of rules', () => {
  test('a namespace that nobody has written to has the first', () => {
    expect(rulesGeneration(pod)).toBe(firstGeneration);
  });

  test('it changes with every kind of change', async () => {
    await applyRules(pod, capture, soon());
    const seen = [rulesGeneration(pod)];
    const changes = [
      `add rule inet ${nat} istio-output accept`,
      `flush chain inet ${nat} istio-output`,
      'add table ip theirs',
      'add set ip theirs s { type ipv4_addr ; }',
      'add element ip theirs s { 10.0.0.1 }',
      'flush ruleset',
    ];
    for (const change of changes) {
      await nft(change);
      seen.push(rulesGeneration(pod));
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('reading, a change that is refused, other namespaces and traffic leave it', async () => {
    using other = Netns.create();
    await applyRules(pod, capture, soon());
    const before = rulesGeneration(pod);
    await checkRules(pod, capture, soon());
    await runIn(pod, ['nft', 'list', 'ruleset'], soon());
    await expect(nft('add rule inet nowhere nothing accept')).rejects.toThrow();
    await applyRules(other, capture, soon());
    await runIn(pod, ['timeout', '1', 'bash', '-c', ': </dev/tcp/127.0.0.1/9'], soon()).catch(() => {});
    expect(rulesGeneration(pod)).toBe(before);
  });

  test('asking costs less than a tenth of a millisecond, and no descriptor', () => {
    const began = performance.now();
    for (let i = 0; i < 3_000; i++) rulesGeneration(pod);
    expect((performance.now() - began) / 3_000).toBeLessThan(0.1);
  });

  test('a namespace that was let go cannot be asked', () => {
    pod[Symbol.dispose]();
    expect(() => rulesGeneration(pod)).toThrow(/let go/);
  });
});
