// A watch whose client is slow: it falls behind in the log and catches up, or is told that it cannot.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../patch/json.ts';
import { KubeStore } from '../store/kube-store.ts';
import { Watch, type WatchPort } from './watch.ts';

const object = (name: string, value = 0): KubeObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name }, value });
const all = { matches: () => true, isNarrow: false };

/** Takes `room` events, then says that it is behind. */
class Client implements WatchPort {
  readonly seen: string[] = [];
  room = Number.POSITIVE_INFINITY;
  failed: number | undefined;

  write(...[type, { key, revision }]: Parameters<WatchPort['write']>): boolean {
    this.seen.push(`${type} ${key}@${revision}`);
    return --this.room > 0;
  }
  bookmark(revision: number): void {
    this.seen.push(`BOOKMARK @${revision}`);
  }
  fail({ code }: { readonly code: number }): void {
    this.failed = code;
  }
}

const watching = (store: KubeStore, client: Client, revision: number | undefined): Watch => {
  const watch = new Watch(store, { resource: 'things', selection: all, revision, markInitialEnd: false }, client);
  watch.begin();
  return watch;
};

describe('a watch', () => {
  test('whatever its client takes when, it tells every event once and in order', () => {
    const steps = fc.array(fc.oneof(fc.constant('write' as const), fc.integer({ min: 1, max: 4 })), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (plan) => {
        const store = new KubeStore();
        const client = new Client();
        client.room = 1;
        const watch = watching(store, client, store.revision);
        const made: string[] = [];
        for (const step of plan) {
          if (step === 'write') {
            const { key, revision } = store.put('things', object(`x${made.length}`));
            made.push(`ADDED ${key}@${revision}`);
          } else {
            client.room = step;
            watch.resume();
          }
        }
        client.room = Number.POSITIVE_INFINITY;
        watch.resume();
        expect(client.seen).toEqual(made);
      }),
    );
  });

  test('further behind than the log reaches, it ends with 410', () => {
    const store = new KubeStore({ eventLimit: 3 });
    const client = new Client();
    client.room = 1;
    const watch = watching(store, client, store.revision);
    for (let i = 0; i < 10; i++) store.put('things', object('a', i));
    client.room = Number.POSITIVE_INFINITY;
    watch.resume();
    expect([client.seen.length, client.failed]).toEqual([1, 410]);
    store.put('things', object('b'));
    expect(client.seen).toHaveLength(1);
  });

  test('events of other resources move it on without being told', () => {
    const store = new KubeStore({ eventLimit: 3 });
    const client = new Client();
    const watch = watching(store, client, store.revision);
    for (let i = 0; i < 10; i++) store.put('others', object('a', i));
    watch.bookmark();
    store.put('things', object('b'));
    expect(client.seen).toEqual([`BOOKMARK @${store.revision - 1}`, `ADDED b@${store.revision}`]);
  });

  test('is silent once disposed of', () => {
    const store = new KubeStore();
    const client = new Client();
    watching(store, client, undefined)[Symbol.dispose]();
    store.put('things', object('a'));
    expect(client.seen).toEqual([]);
  });
});
