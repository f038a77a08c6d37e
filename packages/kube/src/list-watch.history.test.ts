// Random histories with random failures: the store must end equal to the server, and what it told must be a history that can be.
// The seed is in the test's name; another one: KUBE_SEED.
import { type Clock, ms, sleepWith, systemClock } from '@ambient-mesh/runtime/time';
import { expect, test, vi } from 'vitest';
import { answer, statusAnswer } from './testing/answers.ts';
import { ApiServer } from './testing/api-server.ts';
import { type Following, follow } from './testing/following.ts';
import { thingsIn } from './testing/things.ts';

const rounds = 12;
const stepsPerRound = 60;

/** Waits are twenty times as short. */
const hurried: Clock = {
  now: systemClock.now,
  monotonic: () => ms(systemClock.monotonic() * 20),
  after: (time, f) => systemClock.after(ms(time / 20), f),
  sleep: (time, signal) => sleepWith(hurried, time, signal),
};

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a listener knows who heard only of changes. Throws where a change cannot follow what was heard before. */
function replay(heard: readonly string[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const change of heard) {
    const [, sign, key = '', value] = /^([+~-])([^=]+)(?:=(.*))?$/.exec(change) ?? [];
    if (sign === '+') expect(known.has(key), change).toBe(false);
    else expect(known.has(key), change).toBe(true);
    if (sign === '~') expect(known.get(key), change).not.toBe(value);
    if (value === undefined) known.delete(key);
    else known.set(key, value);
  }
  return known;
}

class History {
  readonly api: ApiServer;
  readonly random: () => number;
  #value = 0;

  constructor(api: ApiServer, random: () => number) {
    this.api = api;
    this.random = random;
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  step(): void {
    const collection = thingsIn(`ns${this.below(3)}`);
    const name = `t${this.below(8)}`;
    const dice = this.random();
    if (dice < 0.55) this.api.objects.put(collection, name, { spec: { value: this.below(4) === 0 ? 'unusable' : `${this.#value++}` } });
    else if (dice < 0.6) this.api.objects.put(collection, name, { spec: { value: 'again' }, ...this.api.objects.get(collection, name) });
    else if (dice < 0.85) this.api.objects.remove(collection, name);
    else this.#fail(this.below(9));
  }

  #fail(how: number): void {
    if (how === 0) this.api.objects.forget();
    else if (how === 1) this.api.endWatches('cleanly');
    else if (how === 2) this.api.endWatches('broken');
    else if (how === 3) this.api.muteWatches();
    else if (how === 4) this.api.bookmark();
    else if (how === 5) this.#cut();
    else if (how === 6) this.api.writeToWatches('garbage\n');
    else if (how === 7) this.api.objects.forgetPages();
    else this.#refuse();
  }

  #cut(): void {
    this.api.writeToWatches('{"type":"DELETED","object":{"metadata":{"name":"t1","name');
    this.api.endWatches('broken');
  }

  #refuse(): void {
    this.api.intercept = (_, response) => {
      this.api.intercept = () => false;
      if (this.random() < 0.5) response.destroy();
      else answer(response, statusAnswer([410, 429, 500, 503, 504][this.below(5)] ?? 500, 'Test'));
      return true;
    };
  }

  /** Name by name, without what cannot be narrowed. */
  truth(): Record<string, string> {
    const values = this.api.objects
      .all('/apis/test.io/v1/things')
      .map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, JSON.stringify(object.spec)] as const);
    return Object.fromEntries(
      values.filter(([, spec]) => !spec.includes('unusable')).map(([key, spec]) => [key, /"value":"([^"]*)"/.exec(spec)?.[1] ?? '']),
    );
  }
}

const sorted = (entries: Iterable<readonly [string, string]>) => Object.fromEntries([...entries].toSorted());
const contents = ({ store }: Following) => sorted(Array.from(store.entries(), ([key, { value }]) => [key, value] as const));

async function play(seed: number): Promise<void> {
  const random = randomFrom(seed);
  await using api = await ApiServer.start();
  const history = new History(api, random);
  for (let i = 0; i < 10; i++) history.step();
  await using following = follow(api, { random: () => 0, clock: hurried });
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < stepsPerRound; i++) {
      history.step();
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
    // A muted watch would be noticed only after minutes.
    api.endWatches('broken');
    await vi.waitFor(() => expect(contents(following)).toEqual(sorted(Object.entries(history.truth()))), { timeout: 15_000, interval: 10 });
    expect(sorted(replay(following.heard))).toEqual(contents(following));
  }
}

const seed = Number(process.env.KUBE_SEED ?? 20_261);

for (let run = 0; run < 3; run++) {
  test(`random histories end as the server has it, and no change is lost or told twice (seed ${seed + run})`, { timeout: 60_000 }, () =>
    play(seed + run),
  );
}
