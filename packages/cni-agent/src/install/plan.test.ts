// What should be in the node's folder of CNI configurations: every mode, every kind of drift, and the way back.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PluginEntry, readConf, withoutOurs } from './conflist.ts';
import { type ConfFiles, type ConfPlan, type ConfWishes, planConf, planRemoval } from './plan.ts';

const entry: PluginEntry = { name: 'istio-cni', type: 'istio-cni', cni_agent_run_dir: '/var/run/istio-cni' };
const chained: ConfWishes = { confName: '', chained: true, ownedConfig: false, ownedFilename: '02-istio-cni.conflist', entry };
const owned: ConfWishes = { ...chained, ownedConfig: true };
const bridge = { type: 'bridge', bridge: 'cni0', ipam: { type: 'host-local' } };
const json = (value: object): string => JSON.stringify(value);
const list = (...plugins: readonly object[]): string => json({ cniVersion: '1.0.0', name: 'net', keep: { me: [1] }, plugins });
const files = (all: Record<string, string | undefined>): ConfFiles => new Map(Object.entries(all));
const right = list(bridge, entry);

/** The plan with its text read. */
const read = (plan: ConfPlan) => (plan.do === 'write' ? { ...plan, text: JSON.parse(plan.text) as unknown } : plan);
const written = (name: string, text: object, more: object = {}) => ({ do: 'write', name, text, like: name, remove: undefined, ...more });
const parsed = (text: string) => JSON.parse(text) as object;
const right10 = { do: 'nothing', primary: '10-a.conflist' };

const rows: readonly (readonly [name: string, there: Record<string, string>, wishes: ConfWishes, plan: object])[] = [
  ['InsertCNIConfig: ours goes last', { '10-a.conflist': list(bridge) }, chained, written('10-a.conflist', parsed(right))],
  ['CheckInstall: ours is there', { '10-a.conflist': right }, chained, right10],
  ['ours is not the last any more', { '10-a.conflist': list(entry, bridge) }, chained, written('10-a.conflist', parsed(right))],
  ['ours is there twice', { '10-a.conflist': list(bridge, entry, entry) }, chained, written('10-a.conflist', parsed(right))],
  [
    'ours is an old one',
    { '10-a.conflist': list(bridge, { type: 'istio-cni', log_level: 'x' }) },
    chained,
    written('10-a.conflist', parsed(right)),
  ],
  [
    'a single configuration becomes a list, under the name of one',
    { '10-a.conf': json({ cniVersion: '0.4.0', ...bridge }) },
    chained,
    {
      ...written('10-a.conflist', { name: 'k8s-pod-network', cniVersion: '0.3.1', plugins: [{ cniVersion: '0.4.0', ...bridge }, entry] }),
      like: '10-a.conf',
      remove: '10-a.conf',
    },
  ],
  [
    'GetConfigFilenames: the first in order that is valid',
    { '20-b.conflist': list(bridge), '05-x.conflist': 'no JSON', '10-a.conf': '{}', '01.txt': list(bridge) },
    chained,
    written('20-b.conflist', parsed(right)),
  ],
  [
    'GetCNIConfigFilepath: the one that is named',
    { '10-a.conflist': list(bridge), '20-b.conflist': list(bridge) },
    { ...chained, confName: '20-b.conflist' },
    written('20-b.conflist', parsed(right)),
  ],
  [
    'the one that is named has become a list',
    { '20-b.conflist': right },
    { ...chained, confName: '20-b.conf' },
    { do: 'nothing', primary: '20-b.conflist' },
  ],
  [
    'the one that is named as a list is a single configuration still',
    { '10-a.conflist': list(bridge), '20-b.conf': json(bridge) },
    { ...chained, confName: '20-b.conflist' },
    {
      ...written('20-b.conflist', { name: 'k8s-pod-network', cniVersion: '0.3.1', plugins: [bridge, entry] }),
      like: '20-b.conf',
      remove: '20-b.conf',
    },
  ],
  [
    'the one that is named need not end like one',
    { '10-a.conflist': list(bridge), 'cni.json': list(bridge) },
    { ...chained, confName: 'cni.json' },
    written('cni.json', parsed(right)),
  ],
  [
    'a chain that an agent with other wishes made is not taken for the primary',
    { '02-istio-cni.conflist': right, '10-a.conflist': list(bridge) },
    chained,
    written('10-a.conflist', parsed(right)),
  ],
  [
    '... and goes once the primary has our entry',
    { '02-istio-cni.conflist': right, '10-a.conflist': right },
    chained,
    { do: 'remove', name: '02-istio-cni.conflist' },
  ],
  ['... but what has its name and is not ours stays', { '02-istio-cni.conflist': list(bridge), '10-a.conflist': right }, chained, right10],
  ['none is there', {}, chained, { do: 'wait', why: expect.stringContaining('waiting for a CNI configuration') }],
  [
    'the one that is named is not there',
    { '10-a.conflist': list(bridge) },
    { ...chained, confName: 'z.conflist' },
    { do: 'wait', why: expect.stringContaining('z.conflist') },
  ],
  [
    'the one that is named is half written',
    { 'z.conflist': '{"plu' },
    { ...chained, confName: 'z.conflist' },
    { do: 'wait', why: expect.stringContaining('it is no JSON') },
  ],
  ['ours alone is no network', { '02-istio-cni.conflist': list(entry) }, chained, { do: 'wait', why: expect.any(String) }],
  [
    'CreateCNIConfigFile: a chain of our own',
    { '10-a.conflist': list(bridge) },
    owned,
    written('02-istio-cni.conflist', parsed(right), { like: '10-a.conflist' }),
  ],
  ['the primary of our own chain is never ours', { '02-istio-cni.conflist': right }, owned, { do: 'wait', why: expect.any(String) }],
  [
    'the primary has changed, and our chain follows',
    { '02-istio-cni.conflist': `${JSON.stringify(parsed(right), null, 2)}\n`, '10-a.conflist': list({ ...bridge, mtu: 9000 }) },
    owned,
    written('02-istio-cni.conflist', parsed(list({ ...bridge, mtu: 9000 }, entry)), { like: '10-a.conflist' }),
  ],
  [
    'our chain is right',
    { '02-istio-cni.conflist': `${JSON.stringify(parsed(right), null, 2)}\n`, '10-a.conflist': list(bridge) },
    owned,
    right10,
  ],
  [
    'our chain would be read by nobody',
    { '01-a.conflist': list(bridge) },
    owned,
    { do: 'wait', why: expect.stringContaining('does not sort before') },
  ],
  [
    'alone, for multus',
    {},
    { ...chained, chained: false },
    written('YYY-istio-cni.conf', { cniVersion: '0.3.1', ...entry }, { like: undefined }),
  ],
  [
    'alone, and there',
    { 'mine.conf': `${JSON.stringify({ cniVersion: '0.3.1', ...entry }, null, 2)}\n` },
    { ...chained, chained: false, confName: 'mine.conf' },
    { do: 'nothing' },
  ],
];
for (const [name, there, wishes, plan] of rows) test(name, () => expect(read(planConf(files(there), wishes))).toEqual(plan));

const seconds: readonly (readonly [name: string, there: Record<string, string | undefined>, wishes: ConfWishes, plan: object])[] = [
  [
    'the primary is half written: it is waited for',
    { '10-a.conflist': '{"plu', '20-b.conflist': list(bridge) },
    chained,
    { do: 'wait', why: 'waiting for whoever is writing 10-a.conflist: it is no JSON' },
  ],
  [
    'the primary cannot be read: it is waited for',
    { '10-a.conflist': undefined, '20-b.conflist': list(bridge) },
    chained,
    { do: 'wait', why: 'waiting for whoever is writing 10-a.conflist: it cannot be read' },
  ],
  [
    'the primary of our own chain is half written: ours stays',
    { '02-istio-cni.conflist': right, '10-a.conflist': '' },
    owned,
    { do: 'wait', why: expect.any(String) },
  ],
  ['the primary is gone: the next one is', { '20-b.conflist': list(bridge) }, chained, written('20-b.conflist', parsed(right))],
  ['something else is half written', { '05-x.conflist': '{"plu', '10-a.conflist': right }, chained, right10],
];
for (const [name, there, wishes, plan] of seconds)
  test(`after 10-a.conflist was right, ${name}`, () => expect(read(planConf(files(there), wishes, '10-a.conflist'))).toEqual(plan));

const removals: readonly (readonly [name: string, there: Record<string, string>, wishes: ConfWishes, plan: object])[] = [
  ['Cleanup: our entry goes, the rest stays', { '10-a.conflist': right }, chained, written('10-a.conflist', parsed(list(bridge)))],
  ['Cleanup: nothing of ours is there', { '10-a.conflist': list(bridge), 'x.conf': 'no JSON' }, chained, { do: 'nothing' }],
  ['Cleanup: a chain of ours alone goes', { '10-a.conflist': list(entry) }, chained, { do: 'remove', name: '10-a.conflist' }],
  [
    'Cleanup: a chain of our own goes',
    { '02-istio-cni.conflist': right, '10-a.conflist': list(bridge) },
    owned,
    { do: 'remove', name: '02-istio-cni.conflist' },
  ],
  [
    'Cleanup: our own configuration goes',
    { 'YYY-istio-cni.conf': '{}' },
    { ...chained, chained: false },
    { do: 'remove', name: 'YYY-istio-cni.conf' },
  ],
  [
    'Cleanup: what an agent with a chain of its own left goes as well',
    { '02-istio-cni.conflist': right, '10-a.conflist': right },
    chained,
    { do: 'remove', name: '02-istio-cni.conflist' },
  ],
  [
    'Cleanup: what an agent without a chain of its own left goes as well',
    { '10-a.conflist': right },
    owned,
    written('10-a.conflist', parsed(list(bridge))),
  ],
  [
    'Cleanup: what an agent that stood alone left goes as well',
    { 'mine.conf': json({ cniVersion: '0.3.1', ...entry }) },
    chained,
    { do: 'remove', name: 'mine.conf' },
  ],
  ['Cleanup: what has the name of our chain and is not ours stays', { '02-istio-cni.conflist': list(bridge) }, chained, { do: 'nothing' }],
];
for (const [name, there, wishes, plan] of removals) test(name, () => expect(read(planRemoval(files(there), wishes))).toEqual(plan));

const plugin = fc.record({ type: fc.constantFrom('bridge', 'calico', 'portmap', 'istio-cni'), more: fc.jsonValue() });
const anyList = fc.record({
  cniVersion: fc.constantFrom('0.3.1', '1.1.0'),
  name: fc.string(),
  odd: fc.jsonValue(),
  plugins: fc.array(plugin, { minLength: 1, maxLength: 5 }),
});

test('what is put in is in once, last, and comes out again; nothing else changes', () => {
  fc.assert(
    fc.property(anyList, (conf) => {
      const others = conf.plugins.filter(({ type }) => type !== 'istio-cni');
      fc.pre(others.length > 0);
      const plan = planConf(files({ '10-a.conflist': json(conf) }), chained);
      const text = plan.do === 'write' ? plan.text : json(conf);
      expect(parsed(text)).toEqual({ ...(JSON.parse(json(conf)) as object), plugins: [...(JSON.parse(json(others)) as object[]), entry] });
      expect(Object.keys(parsed(text))).toEqual(Object.keys(conf));
      expect(planConf(files({ '10-a.conflist': text }), chained)).toEqual(right10);
      const back = planRemoval(files({ '10-a.conflist': text }), chained);
      expect(back.do === 'write' && parsed(back.text)).toEqual(JSON.parse(json({ ...conf, plugins: others })));
    }),
  );
});

/** Takes steps until there is none left. */
function carryOut(there: Map<string, string>, next: (files: ConfFiles) => ConfPlan): ConfPlan {
  for (let steps = 0; ; steps++) {
    const plan = next(there);
    if (plan.do === 'wait' || plan.do === 'nothing') return plan;
    expect(steps).toBeLessThan(10);
    if (plan.do === 'write') {
      there.set(plan.name, plan.text);
      if (plan.remove !== undefined) there.delete(plan.remove);
    } else there.delete(plan.name);
  }
}

const anyFiles = fc.dictionary(
  fc.constantFrom('05-a.conf', '10-a.conflist', '10-b.conf', '20-b.conflist'),
  fc.oneof(anyList.map(json), plugin.map(json), fc.constantFrom('', '{"plu', '{}')),
);
const anyWishes = fc.record({
  confName: fc.constantFrom('', '', '10-b.conf', 'missing.conflist'),
  chained: fc.boolean(),
  ownedConfig: fc.boolean(),
  ownedFilename: fc.constant('02-istio-cni.conflist'),
  entry: fc.constant(entry),
});

/** The chains of others, whatever file they are in. */
const othersIn = (there: ConfFiles): unknown[] =>
  [...there.values()]
    .map((text) => readConf(text))
    .flatMap((conf) => ('ok' in conf ? [withoutOurs(conf.ok).plugins] : []))
    .filter((plugins) => plugins.length > 0)
    .map((plugins) => json(plugins))
    .sort();

test('agents with any wishes, one after the other, come to an end, and the last one takes all away and nothing else', () => {
  fc.assert(
    fc.property(anyFiles, fc.array(anyWishes, { minLength: 1, maxLength: 4 }), (texts, agents) => {
      const there = new Map(Object.entries(texts));
      // A configuration of ours alone takes the place of what has its name: no other chain is named.
      const sane = agents.map((wishes) => (wishes.chained ? wishes : { ...wishes, confName: '' }));
      const before = othersIn(there);
      for (const wishes of sane) {
        carryOut(there, (files) => planConf(files, wishes));
        expect(new Set(othersIn(there))).toEqual(new Set(before));
      }
      const last = sane.at(-1) ?? chained;
      expect(carryOut(there, (files) => planRemoval(files, last))).toEqual({ do: 'nothing' });
      expect(othersIn(there)).toEqual(before);
      expect([...there.values()].filter((text) => text.includes('"istio-cni"'))).toEqual([]);
    }),
  );
});

test('any text in the folder gives a plan', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('1.conf', '2.conflist', '3.conflist', 'x'), fc.oneof(fc.string(), fc.json())), (there) => {
      planConf(files(there), chained);
      planConf(files(there), owned);
      planRemoval(files(there), chained);
    }),
  );
});
