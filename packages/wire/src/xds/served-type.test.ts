// What a client is owed of one type: wildcard and on demand, first and later, merged while it waits.
import { describe, expect, test } from 'vitest';
import { TestCollection } from '../testing/collection.ts';
import { type Portion, ServedType, type TypeRequest } from './served-type.ts';

const all = { bytes: 1 << 20, names: 1_000 };
const nothing: TypeRequest = { subscribe: [], unsubscribe: [], initial: {} };
const onDemand: TypeRequest = { ...nothing, unsubscribe: ['*'] };
const names = (portion: Portion | undefined) => portion && { sent: portion.resources.map(({ name }) => name), removed: portion.removed };
const versionIn = (collection: TestCollection, name: string): string => collection.get(name)?.version ?? '';

describe('wildcard', () => {
  const abc = (): TestCollection => new TestCollection('t', ['a', 'b', 'c']);

  test.each([
    ['no names', nothing],
    ['a star', { ...nothing, subscribe: ['*'] }],
  ])('%s: everything, once', (_, request) => {
    const type = new ServedType(abc(), '', request);
    expect(names(type.next(all))).toEqual({ sent: ['a', 'b', 'c'], removed: [] });
    expect(type.next(all)).toBeUndefined();
    expect(type.subscribed).toBe(0);
  });

  test('of nothing: an empty answer, so that the client knows', () => {
    const type = new ServedType(new TestCollection('t'), '', nothing);
    expect(names(type.next(all))).toEqual({ sent: [], removed: [] });
    expect(type.next(all)).toBeUndefined();
  });

  test('on reconnection: what has another version, and what is gone', () => {
    const collection = abc();
    const initial = { a: versionIn(collection, 'a'), b: 'old', x: 'any' };
    const type = new ServedType(collection, '', { ...nothing, initial });
    expect(names(type.next(all))).toEqual({ sent: ['b', 'c'], removed: ['x'] });
  });

  test('changes: what changed, with what is gone', () => {
    const collection = abc();
    const type = new ServedType(collection, '', nothing);
    type.next(all);
    collection.put('d');
    collection.remove('a');
    type.changed(['d', 'a']);
    expect(names(type.next(all))).toEqual({ sent: ['d'], removed: ['a'] });
  });

  test('changes that wait merge, and go out as things are then', () => {
    const collection = abc();
    const type = new ServedType(collection, '', nothing);
    type.next(all);
    collection.put('d');
    type.changed(['d']);
    type.changed(['b', 'd']);
    collection.remove('d');
    type.changed(['d']);
    expect(names(type.next(all))).toEqual({ sent: ['b'], removed: ['d'] });
  });

  test('a snapshot in parts takes in what changes meanwhile', () => {
    const collection = abc();
    const type = new ServedType(collection, '', nothing);
    expect(names(type.next({ bytes: 1, names: 1 }))).toEqual({ sent: ['a'], removed: [] });
    collection.remove('a');
    collection.remove('b');
    collection.put('d');
    type.changed(['a', 'b', 'd']);
    expect(names(type.next(all))).toEqual({ sent: ['c', 'd'], removed: ['a', 'b'] });
  });

  test('when most of a large collection waits, it is sent anew as a whole, and nothing that is gone is forgotten', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => `n${i}`);
    const collection = new TestCollection('t', many);
    const type = new ServedType(collection, '', nothing);
    while (type.next({ bytes: 1 << 20, names: 5_000 }) !== undefined);
    for (const name of many.slice(0, 10)) collection.remove(name);
    type.changed(many.slice(0, 2_000));
    expect(type.pending).toBe(10);
    const portion = type.next({ bytes: 1 << 20, names: 5_000 });
    expect(portion?.resources).toHaveLength(2_990);
    expect(portion?.removed).toEqual(many.slice(0, 10));
  });

  test('removals can wait for later', () => {
    const collection = abc();
    const type = new ServedType(collection, '', nothing);
    type.next(all);
    collection.remove('a');
    type.changed(['a', 'b']);
    expect(names(type.next(all, false))).toEqual({ sent: ['b'], removed: [] });
    expect(type.owes(false)).toBe(false);
    expect(names(type.next(all))).toEqual({ sent: [], removed: ['a'] });
  });
});

describe('on demand', () => {
  function mesh(): TestCollection {
    const collection = new TestCollection('t');
    collection.put('svc', { aliases: ['/10.1.0.1'] });
    collection.put('one', { aliases: ['/10.0.0.1'], backs: ['svc'], node: 'a' });
    collection.put('two', { aliases: ['/10.0.0.2'], backs: ['svc'], node: 'b' });
    collection.put('far', { aliases: ['/10.0.0.3'], node: 'b' });
    return collection;
  }

  test('at first: what lives on its own node', () => {
    const type = new ServedType(mesh(), 'a', onDemand);
    const first = type.next(all);
    expect(names(first)).toEqual({ sent: ['one'], removed: [] });
    expect(first?.withAliases).toBe(true);
    expect(type.next(all)).toBeUndefined();
  });

  const asked: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
    ['a name', 'far', ['far'], []],
    ['an address', '/10.0.0.3', ['far'], []],
    ['a service, with all that back it', 'svc', ['svc', 'one', 'two'], []],
    ["a service's address", '/10.1.0.1', ['svc', 'one', 'two'], []],
    ['what is not there', '/10.9.9.9', [], ['/10.9.9.9']],
  ];
  test.each(asked)('asked for %s', (_, name, sent, removed) => {
    const type = new ServedType(mesh(), '', onDemand);
    type.next(all);
    type.request({ ...nothing, subscribe: [name] });
    expect(names(type.next(all))).toEqual({ sent, removed });
  });

  test('asked again: answered again', () => {
    const type = new ServedType(mesh(), '', onDemand);
    type.next(all);
    for (let i = 0; i < 2; i++) {
      type.request({ ...nothing, subscribe: ['far'] });
      expect(names(type.next(all))?.sent).toEqual(['far']);
    }
  });

  const changes: readonly (readonly [string, string, string | undefined])[] = [
    ['what it asked for', 'svc', 'svc'],
    ['what it was sent with that', 'one', 'one'],
    ['what backs a service that it asked for', 'three', 'three'],
    ['what comes up on its node', 'mine', 'mine'],
    ['what has an address that it asked for', 'late', 'late'],
    ['nothing of its affair', 'far', undefined],
  ];
  test.each(changes)('hears of changes: %s', (_, name, heard) => {
    const collection = mesh();
    const type = new ServedType(collection, 'a', { ...onDemand, subscribe: ['svc', '/10.7.7.7'] });
    while (type.next(all) !== undefined);
    collection.put('three', { backs: ['svc'] });
    collection.put('mine', { node: 'a' });
    collection.put('late', { aliases: ['/10.7.7.7'] });
    type.changed([name]);
    expect(names(type.next(all))?.sent).toEqual(heard === undefined ? undefined : [heard]);
  });

  test('hears that what it has is gone, and not what it never had', () => {
    const collection = mesh();
    const type = new ServedType(collection, 'a', onDemand);
    type.next(all);
    collection.remove('one');
    collection.remove('far');
    type.changed(['one', 'far']);
    expect(names(type.next(all))).toEqual({ sent: [], removed: ['one'] });
  });

  test('on reconnection: what it has from before and changed, or is gone', () => {
    const collection = mesh();
    const initial = { one: versionIn(collection, 'one'), two: 'old', gone: 'v' };
    const type = new ServedType(collection, 'a', { ...onDemand, initial });
    expect(names(type.next(all))).toEqual({ sent: ['two'], removed: ['gone'] });
  });
});
