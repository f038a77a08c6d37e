// The arithmetic of rolling updates: a row for each step, and a walk from the first to the last.
import { expect, test } from 'vitest';
import { nextReplicas } from './rollout.ts';
import { deployment, replicaSet } from './test-view.ts';

type Counts = readonly [wanted: number, available: number];

const rows: readonly (readonly [name: string, wanted: number, current: Counts, old: readonly Counts[], next: readonly number[]])[] = [
  ['a first rollout starts all at once', 3, [0, 0], [], [3]],
  ['an update begins with the surge, a quarter rounded up', 3, [0, 0], [[3, 3]], [1, 3]],
  ['no old replica goes before a new one is available', 3, [1, 0], [[3, 3]], [1, 3]],
  ['an old replica goes for each new one that is available', 3, [1, 1], [[3, 3]], [1, 2]],
  ['room below the surge is filled', 3, [1, 1], [[2, 2]], [2, 2]],
  ['the last old replica goes', 3, [3, 3], [[1, 1]], [3, 0]],
  ['replicas that do not work go first', 4, [1, 0], [[4, 3]], [1, 3]],
  ['a quarter, rounded down, may be missing', 4, [1, 0], [[4, 4]], [1, 3]],
  [
    'the oldest go first',
    4,
    [2, 2],
    [
      [2, 2],
      [1, 1],
    ],
    [2, 0, 1],
  ],
  ['fewer are wanted: the surplus goes', 1, [3, 3], [], [1]],
  ['none are wanted: all go', 0, [2, 2], [[1, 1]], [0, 0]],
];

for (const [name, wanted, [replicas, available], old, want] of rows) {
  test(name, () => {
    const sets = old.map(([count, working], i) => replicaSet(`old-${i}`, count, working));
    const next = nextReplicas(deployment(wanted), replicaSet('new', replicas, available), sets);
    expect(['new', ...sets.map(({ metadata }) => metadata.name)].map((each) => next.get(each))).toEqual(want);
  });
}

test('Recreate ends all old replicas before the first new one', () => {
  const recreate = deployment(2, { type: 'Recreate' });
  const current = replicaSet('new', 0, 0);
  expect([...nextReplicas(recreate, current, [replicaSet('old', 2, 2)]).values()]).toEqual([0, 0]);
  const ending = { ...replicaSet('old', 0, 0), status: { replicas: 1 } };
  expect([...nextReplicas(recreate, current, [ending]).values()]).toEqual([0, 0]);
  expect([...nextReplicas(recreate, current, [replicaSet('old', 0, 0)]).values()]).toEqual([0, 2]);
});

test('limits that are both zero allow one to be missing', () => {
  const strict = deployment(2, { rollingUpdate: { maxSurge: 0, maxUnavailable: '10%' } });
  expect([...nextReplicas(strict, replicaSet('new', 0, 0), [replicaSet('old', 2, 2)]).values()]).toEqual([0, 1]);
});

test('a rollout reaches its end from anywhere, and never goes below what must be available', () => {
  for (const wanted of [1, 2, 5, 10]) {
    let current = replicaSet('new', 0, 0);
    let old = replicaSet('old', wanted, wanted);
    for (let round = 0; round < 50; round++) {
      const next = nextReplicas(deployment(wanted), current, [old]);
      const least = wanted - Math.floor(wanted / 4);
      // New pods become available one at a time, old ones go at once.
      const working = Math.min((current.status?.availableReplicas ?? 0) + 1, next.get('new') ?? 0);
      current = replicaSet('new', next.get('new') ?? 0, working);
      const left = next.get('old') ?? 0;
      old = replicaSet('old', left, left);
      expect(working + left).toBeGreaterThanOrEqual(least);
    }
    expect([current.spec.replicas, current.status?.availableReplicas, old.spec.replicas]).toEqual([wanted, wanted, 0]);
  }
});
