// A pod's phase, conditions and addresses, a row for each combination of its containers' states.
import { expect, test } from 'vitest';
import type { Pod } from '../objects.ts';
import { type ContainerFacts, type ContainerState, type PodFacts, statusOf } from './pod-status.ts';

const ended = (exitCode: number) => ({ at: 'ended', exitCode, startedAt: 's', finishedAt: 'f' }) as const;
const running: ContainerState = { at: 'running', startedAt: 's' };
const waiting: ContainerState = { at: 'waiting', reason: 'PodInitializing' };

const facts = (state: ContainerState, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  spec: { name: 'app', image: 'app' },
  id: 'id',
  state,
  last: undefined,
  restarts: 0,
  ready: state.at === 'running',
  ...more,
});
const pod = (restartPolicy: 'Always' | 'OnFailure' | 'Never'): Pod => ({
  metadata: { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [], restartPolicy },
});
const status = (containers: readonly ContainerFacts[], more: Partial<PodFacts> = {}): Record<string, unknown> => ({
  ...statusOf({
    pod: pod('Always'),
    place: { nodeName: 'node-a', hostIps: ['172.172.0.1'], podIps: ['10.0.1.1'] },
    startTime: 't',
    init: [],
    containers,
    hasNetwork: true,
    now: 'now',
    ...more,
  }),
});

const phases: readonly (readonly [name: string, containers: readonly ContainerFacts[], more: Partial<PodFacts>, want: string])[] = [
  ['nothing has started', [facts(waiting)], {}, 'Pending'],
  ['one of two has started', [facts(running), facts(waiting)], {}, 'Pending'],
  ['all run', [facts(running)], {}, 'Running'],
  ['one waits to be restarted', [facts({ at: 'waiting', reason: 'CrashLoopBackOff' }, { last: ended(1) })], {}, 'Running'],
  ['one has ended and will be restarted', [facts(ended(0))], {}, 'Running'],
  ['all have ended well for good', [facts(ended(0))], { pod: pod('OnFailure') }, 'Succeeded'],
  ['one has failed and will be restarted', [facts(ended(1))], { pod: pod('OnFailure') }, 'Running'],
  ['one has failed for good', [facts(ended(0)), facts(ended(1))], { pod: pod('Never') }, 'Failed'],
  ['an init container has failed for good', [facts(waiting)], { pod: pod('Never'), init: [facts(ended(1))] }, 'Failed'],
];
for (const [name, containers, more, want] of phases) test(`${name}: ${want}`, () => expect(status(containers, more).phase).toBe(want));

function conditions(containers: readonly ContainerFacts[], more: Partial<PodFacts> = {}): Record<string, string> {
  const all = status(containers, more).conditions as { type: string; status: string; lastTransitionTime: string }[];
  return Object.fromEntries(all.map(({ type, status: holds }) => [type, holds]));
}

test('a pod is ready when all its containers are', () => {
  expect(conditions([facts(running), facts(running)]).Ready).toBe('True');
  expect(conditions([facts(running), facts(running, { ready: false })])).toEqual({
    PodScheduled: 'True',
    Initialized: 'True',
    ContainersReady: 'False',
    Ready: 'False',
  });
});

test('it is not initialized before the last init container has ended well', () => {
  expect(conditions([facts(waiting)], { init: [facts(ended(0)), facts(running)] }).Initialized).toBe('False');
  expect(conditions([facts(running)], { init: [facts(ended(0))] }).Initialized).toBe('True');
});

test('a condition that stays keeps its time', () => {
  const before = { ...pod('Always'), status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 'then' }] } };
  const times = (ready: boolean) =>
    (status([facts(running, { ready })], { pod: before }).conditions as { type: string; lastTransitionTime: string }[]).find(
      ({ type }) => type === 'Ready',
    )?.lastTransitionTime;
  expect([times(true), times(false)]).toEqual(['then', 'now']);
});

test('there are no addresses before there is a network', () => {
  expect(status([facts(waiting)], { hasNetwork: false })).not.toHaveProperty('podIPs');
  expect(status([facts(running)])).toMatchObject({ podIP: '10.0.1.1', podIPs: [{ ip: '10.0.1.1' }], hostIP: '172.172.0.1' });
});
