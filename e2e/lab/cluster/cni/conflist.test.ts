// Which configuration of a node counts, and what plugins are told.
import { expect, test } from 'vitest';
import { addressesOf, chooseNetwork, isAtLeast, isConfName, pluginConfig } from './conflist.ts';

const list = (name: string, more: object = {}): string =>
  JSON.stringify({ cniVersion: '1.0.0', name, plugins: [{ type: 'bridge' }], ...more });
const single = (name: string): string => JSON.stringify({ cniVersion: '0.3.1', name, type: 'bridge' });

type Files = Record<string, string>;
const chosen: readonly (readonly [name: string, files: Files, want: string | undefined])[] = [
  ['no file, no network', {}, undefined],
  ['the first by name counts', { '20-b.conflist': list('b'), '10-a.conflist': list('a') }, 'a'],
  ['an upper-case name comes before a lower-case one', { 'a.conflist': list('a'), 'B.conflist': list('b') }, 'b'],
  ['what is no JSON is passed over', { '10-a.conflist': '{', '20-b.conflist': list('b') }, 'b'],
  ['so is an empty file', { '10-a.conflist': '', '20-b.conflist': list('b') }, 'b'],
  ['so is a list without plugins', { '1.conflist': list('a', { plugins: [] }), '2.conflist': list('b') }, 'b'],
  ['so is a list whose plugins are none', { '1.conflist': list('a', { plugins: undefined }), '2.conflist': list('b') }, 'b'],
  ['so is a list without a name', { '1.conflist': list(''), '2.conflist': list('b') }, 'b'],
  ['so is a plugin that is a path', { '1.conflist': list('a', { plugins: [{ type: '../x' }] }), '2.conflist': list('b') }, 'b'],
  ['a file of the older kind is a list of one', { '1.conf': single('a'), '2.conflist': list('b') }, 'a'],
  ['a single plugin in a file of lists is none', { '1.conflist': single('a'), '2.conflist': list('b') }, 'b'],
];
for (const [name, files, want] of chosen)
  test(name, () => expect(chooseNetwork(Object.entries(files).map(([file, text]) => ({ name: file, text }))).list?.name).toBe(want));

test('what was passed over is told', () => {
  const files = [
    { name: '1.conflist', text: '[]' },
    { name: '2.conflist', text: list('b') },
    { name: '3.conflist', text: '[]' },
  ];
  expect(chooseNetwork(files).refused).toEqual(['1.conflist: no JSON object']);
});

test('only names of configurations are read', () => {
  expect(['a.conf', 'a.conflist', 'a.json', 'a.conflist.tmp', 'a', 'conf'].filter(isConfName)).toEqual(['a.conf', 'a.conflist', 'a.json']);
});

const network = { name: 'net', cniVersion: '1.1.0', plugins: [], disableCheck: false, disableGC: false };

test('a plugin is told its own fields, the network, what was before, and of the capabilities those that it asks for', () => {
  const plugin = { type: 'x', own: 1, name: 'other', capabilities: { portMappings: true, bandwidth: false, unknown: true } };
  expect(pluginConfig(network, plugin, { prevResult: { ips: [] }, capabilityArgs: { portMappings: [], bandwidth: {} } })).toEqual({
    type: 'x',
    own: 1,
    name: 'net',
    cniVersion: '1.1.0',
    runtimeConfig: { portMappings: [] },
    prevResult: { ips: [] },
  });
  expect(pluginConfig(network, { type: 'x' })).toEqual({ type: 'x', name: 'net', cniVersion: '1.1.0' });
});

const versions: readonly (readonly [version: string, least: string, want: boolean])[] = [
  ['1.1.0', '1.1.0', true],
  ['1.0.0', '1.1.0', false],
  ['0.4.0', '0.4.0', true],
  ['0.3.1', '0.4.0', false],
  ['1.0', '0.4.0', true],
  ['1.10.0', '1.9.0', true],
];
for (const [version, least, want] of versions)
  test(`${version} is ${want ? '' : 'not '}at least ${least}`, () => expect(isAtLeast(version, least)).toBe(want));

test('addresses of a result come without their prefix; what is no result has none', () => {
  expect(addressesOf({ ips: [{ address: '10.0.0.1/24' }, { address: 'fd00::1/64' }, {}, null, 3] })).toEqual(['10.0.0.1', 'fd00::1']);
  expect([addressesOf({}), addressesOf({ ips: 'x' })]).toEqual([[], []]);
});
