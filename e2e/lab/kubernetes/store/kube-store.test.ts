// The store against a plain oracle: any history of writes, any past moment, any place to resume from.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../patch/json.ts';
import { KubeStore } from './kube-store.ts';
import type { Stored } from './stored.ts';

const object = (name: string, value = 0): KubeObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name, namespace: 'n' }, value });

type Operation = readonly [what: 'put' | 'remove', name: string, value: number];
const operations = fc.array(fc.tuple(fc.constantFrom('put', 'remove'), fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(9)), { maxLength: 60 });

const perform = (store: KubeStore, [what, name, value]: Operation): void => {
  if (what === 'put') store.put('things', object(name, value));
  else store.remove('things', `n/${name}`);
};
const shown = (items: readonly Stored[] | undefined): unknown =>
  items?.map(({ key, revision, object: { value } }) => [key, revision, value]);

describe('the store', () => {
  test('shows every past moment as it was', () => {
    fc.assert(
      fc.property(operations, (history) => {
        const store = new KubeStore();
        const moments = new Map([[store.revision, shown(store.list('things'))]]);
        for (const operation of history) {
          perform(store, operation);
          moments.set(store.revision, shown(store.list('things')));
        }
        for (const [revision, then] of moments) expect(shown(store.listAt('things', revision))).toEqual(then);
      }),
    );
  });

  test('events after a moment lead from it to now', () => {
    fc.assert(
      fc.property(operations, fc.nat(60), (history, at) => {
        const store = new KubeStore();
        for (const operation of history.slice(0, at)) perform(store, operation);
        const state = new Map(store.list('things').map((item) => [item.key, item]));
        const from = store.revision;
        for (const operation of history.slice(at)) perform(store, operation);
        for (const { type, after } of store.eventsAfter(from) ?? []) {
          expect(state.has(after.key)).toBe(type !== 'ADDED');
          if (type === 'DELETED') state.delete(after.key);
          else state.set(after.key, after);
        }
        expect(shown([...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1)))).toEqual(shown(store.list('things')));
      }),
    );
  });

  test('forgets what its limit says, and everything when compacted', () => {
    const store = new KubeStore({ eventLimit: 5 });
    for (let i = 0; i < 50; i++) store.put('things', object('a', i));
    expect(store.eventsAfter(store.revision - 5)).toHaveLength(5);
    expect(store.eventsAfter(store.revision - 6)).toBeUndefined();
    expect(store.listAt('things', store.revision - 6)).toBeUndefined();
    store.compact();
    expect(store.eventsAfter(store.revision)).toEqual([]);
    expect(store.eventsAfter(store.revision - 1)).toBeUndefined();
  });

  test('what is stored cannot be changed by whoever reads it', () => {
    const store = new KubeStore();
    const { object: kept } = store.put('things', object('a'));
    expect(() => Object.assign(kept.metadata, { name: 'b' })).toThrow(TypeError);
    expect(JSON.parse(store.get('things', 'n/a')?.text ?? '')).toEqual(kept);
    expect(JSON.parse(store.get('things', 'n/a')?.itemText ?? '')).toEqual({ metadata: kept.metadata, value: 0 });
  });

  test('listeners hear every change once, until they are disposed of', () => {
    const store = new KubeStore();
    const heard: string[] = [];
    const listening = store.onEvent(({ type, after }) => heard.push(`${type} ${after.key}`));
    store.put('things', object('a'));
    store.put('things', object('a', 1));
    store.remove('things', 'n/a');
    store.remove('things', 'n/a');
    listening[Symbol.dispose]();
    store.put('things', object('a'));
    expect(heard).toEqual(['ADDED n/a', 'MODIFIED n/a', 'DELETED n/a']);
  });
});
