// What stands in the cells: ages, the status of a pod, paths of printer columns. Whole tables are tested with kubectl (kubectl.test.ts).
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../patch/json.ts';
import { humanDuration } from './age.ts';
import { cut, selectorText } from './cells.ts';
import { findAll } from './json-path.ts';
import { podSummary } from './pod-status.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [0, '0s'],
  [-5 * second, '<invalid>'],
  [119 * second, '119s'],
  [120 * second, '2m'],
  [125 * second, '2m5s'],
  [10 * minute, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [7 * hour + 59 * minute, '7h59m'],
  [8 * hour, '8h'],
  [47 * hour, '47h'],
  [2 * day, '2d'],
  [7 * day + 23 * hour, '7d23h'],
  [8 * day, '8d'],
  [729 * day, '729d'],
  [2 * 365 * day, '2y'],
  [3 * 365 * day + day, '3y1d'],
  [9 * 365 * day, '9y'],
])('%i ms are %s', (forMs, text) => {
  expect(humanDuration(forMs)).toBe(text);
});

describe('a pod', () => {
  const now = Date.UTC(2026, 0, 2);
  const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
  const finished = { terminated: { finishedAt: '2026-01-01T23:50:00Z', exitCode: 1 } };
  const sidecar = { name: 's', restartPolicy: 'Always' };
  const main = (status: JsonObject, more: JsonObject = {}): JsonObject => ({ containerStatuses: [{ name: 'c', ...status }], ...more });
  const rows: readonly (readonly [name: string, spec: JsonObject, status: JsonObject, summary: readonly string[]])[] = [
    ['that nobody runs yet', {}, { phase: 'Pending' }, ['0/1', 'Pending', '0']],
    ['that runs', {}, main({ ready: true, state: running }, { phase: 'Running' }), ['1/1', 'Running', '0']],
    ['that is not ready', {}, main({ ready: false, state: running }, { phase: 'Running' }), ['0/1', 'Running', '0']],
    [
      'that waits says why',
      {},
      main({ state: { waiting: { reason: 'ImagePullBackOff' } } }, { phase: 'Pending' }),
      ['0/1', 'ImagePullBackOff', '0'],
    ],
    [
      'that ended says so',
      {},
      main({ state: { terminated: { reason: 'Completed', exitCode: 0 } } }, { phase: 'Succeeded' }),
      ['0/1', 'Completed', '0'],
    ],
    [
      'that failed without words shows its exit code',
      {},
      main({ state: { terminated: { exitCode: 3 } } }, { phase: 'Failed' }),
      ['0/1', 'ExitCode:3', '0'],
    ],
    [
      'that was killed shows the signal',
      {},
      main({ state: { terminated: { exitCode: 137, signal: 9 } } }, { phase: 'Failed' }),
      ['0/1', 'Signal:9', '0'],
    ],
    [
      'that was started again says when',
      {},
      main({ ready: true, state: running, restartCount: 2, lastState: finished }, { phase: 'Running' }),
      ['1/1', 'Running', '2 (10m ago)'],
    ],
    ['that was evicted says why', {}, { phase: 'Failed', reason: 'Evicted' }, ['0/1', 'Evicted', '0']],
    [
      'in its first init container',
      { initContainers: [{ name: 'i' }] },
      { phase: 'Pending', initContainerStatuses: [{ name: 'i', state: running }] },
      ['0/1', 'Init:0/1', '0'],
    ],
    [
      'whose init container failed',
      { initContainers: [{ name: 'i' }] },
      { phase: 'Pending', initContainerStatuses: [{ name: 'i', restartCount: 3, state: { terminated: { exitCode: 2 } } }] },
      ['0/1', 'Init:ExitCode:2', '3'],
    ],
    [
      'with a sidecar counts it',
      { initContainers: [sidecar] },
      main(
        { ready: true, state: running },
        { phase: 'Running', initContainerStatuses: [{ name: 's', started: true, ready: true, restartCount: 1, state: running }] },
      ),
      ['2/2', 'Running', '1'],
    ],
  ];
  test.each(rows)('%s', (_case, spec, status, [ready, text, restarts]) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c' }], ...spec }, status };
    expect(podSummary(pod, now)).toEqual({ ready, status: text, restarts });
  });

  test('that is being deleted is Terminating', () => {
    const metadata = { name: 'p', deletionTimestamp: '2026-01-01T00:00:00Z' };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{}] }, status: { phase: 'Running' } };
    expect(podSummary(pod, now).status).toBe('Terminating');
  });
});

describe('a path', () => {
  const object: Json = {
    spec: { hosts: ['a', 'b'], 'quoted/key': 1 },
    metadata: { labels: { 'istio.io/rev': 'x' } },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Odd', status: 'False' },
      ],
    },
  };
  const rows: readonly (readonly [path: string, found: readonly Json[]])[] = [
    ['.spec.hosts', [['a', 'b']]],
    ['.spec.hosts[0]', ['a']],
    ['.spec.hosts[-1]', ['b']],
    ['.spec.hosts[*]', ['a', 'b']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Odd')].status", ['False']],
    ['.metadata.labels.istio\\.io/rev', ['x']],
    [".spec['quoted/key']", [1]],
    ['.spec.none', []],
    ['.spec.hosts[7]', []],
    ['nonsense', []],
    ['', [object]],
  ];
  test.each(rows)('%s', (path, found) => {
    expect(findAll(object, path)).toEqual(found);
  });

  test('of any text finds something or nothing', () => {
    fc.assert(fc.property(fc.string(), (text) => void findAll(object, `.${text}`)));
  });
});

test('selectors are written as kubectl takes them', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In', values: ['x', 'y'] },
    { key: 'b', operator: 'NotIn', values: ['z'] },
    { key: 'c', operator: 'Exists' },
    { key: 'd', operator: 'DoesNotExist' },
  ];
  expect(selectorText({ matchLabels: { z: '1', app: 'web' }, matchExpressions })).toBe('app=web,z=1,a in (x,y),b notin (z),c,!d');
  expect(selectorText({})).toBe('<none>');
  expect(cut(['a', 'b', 'c', 'd', 'e'], 3)).toBe('a,b,c + 2 more...');
});
