// The garbage collector's decisions, a row for every way to delete: background, foreground, orphan.
import { expect, test } from 'vitest';
import type { OwnerReference } from '../objects.ts';
import type { Thing } from './discovery.ts';
import { collections, type Owned } from './ownership.ts';

const kind = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true, narrow: () => undefined };
const owner = (uid: string, blocks = true): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Thing',
  name: uid,
  uid,
  blockOwnerDeletion: blocks,
});
const thing = (uid: string, more: Partial<Thing> = {}): Owned => ({
  kind,
  thing: { namespace: 'shop', name: uid, uid, version: '1', owners: [], finalizers: [], deleting: false, ...more },
});
const ending = (uid: string, ...finalizers: string[]): Owned => thing(uid, { deleting: true, finalizers });
const told = (...all: readonly Owned[]): string[] => collections(all).map((each) => `${each.do} ${each.of.thing.uid}`);

const rows: readonly (readonly [name: string, all: readonly Owned[], want: readonly string[]])[] = [
  ['what nobody owns stays', [thing('a')], []],
  ['what an owner has stays', [thing('a'), thing('b', { owners: [owner('a')] })], []],
  ['what lost its owner goes', [thing('b', { owners: [owner('a')] })], ['collect b']],
  ['one owner that is left is enough', [thing('a'), thing('b', { owners: [owner('a'), owner('gone')] })], []],
  ['what goes already is left alone', [thing('b', { owners: [owner('a')], deleting: true })], []],
  ['foreground: dependents go first', [ending('a', 'foregroundDeletion'), thing('b', { owners: [owner('a')] })], ['remove b']],
  [
    'foreground: the owner waits while a dependent is on its way',
    [ending('a', 'foregroundDeletion'), thing('b', { owners: [owner('a')], deleting: true })],
    [],
  ],
  ['foreground: without dependents the owner goes', [ending('a', 'foregroundDeletion')], ['release a']],
  [
    'foreground: a dependent that does not block is not waited for',
    [ending('a', 'foregroundDeletion'), thing('b', { owners: [owner('a', false)] })],
    ['remove b', 'release a'],
  ],
  ['orphan: dependents lose their owner first', [ending('a', 'orphan'), thing('b', { owners: [owner('a')] })], ['disown b']],
  ['orphan: then the owner goes', [ending('a', 'orphan'), thing('b')], ['release a']],
  ["others' finalizers are others' business", [ending('a', 'somebody/else'), thing('b', { owners: [owner('a')] })], []],
];

for (const [name, all, want] of rows) test(name, () => expect(told(...all)).toEqual(want));

test('a release keeps the finalizers of others', () => {
  const [release] = collections([ending('a', 'somebody/else', 'orphan')]);
  expect(release).toMatchObject({ do: 'release', finalizers: ['somebody/else'] });
});

test('a disowned dependent keeps its other owners', () => {
  const [disown] = collections([ending('a', 'orphan'), thing('c'), thing('b', { owners: [owner('a'), owner('c')] })]);
  expect(disown).toMatchObject({ do: 'disown', owners: [{ uid: 'c' }] });
});
