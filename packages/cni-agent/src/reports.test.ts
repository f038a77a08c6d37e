// What the log is spared: the same again and again, and pods that are gone. What is counted.
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import type { Pod } from './facts/pod.ts';
import { openLog } from './log.ts';
import { Reports } from './reports.ts';
import { Telemetry } from './telemetry.ts';

const pod = { namespace: 'shop', name: 'web', uid: 'u1' } as Pod;

function bench() {
  const lines: string[] = [];
  const log = openLog('debug', { write: (line) => lines.push(JSON.parse(line).level) });
  const metrics = new Metrics();
  return { lines, metrics, reports: new Reports(log, new Telemetry(metrics)) };
}

test('a failure that repeats is a warning once, and news again after something went well', async () => {
  const { lines, reports } = bench();
  const fail = () => reports.failed('u1', pod, new Error('no'), ms(5));
  fail();
  fail();
  await reports.worked('u1', 'nothing', async () => {});
  fail();
  expect(lines).toEqual(['warn', 'debug', 'warn']);
});

test('a look that fails in the same way every two seconds is one line a minute', () => {
  const { lines, reports } = bench();
  for (let i = 0; i < 5; i++) reports.watchFailed(new Error('no process table'));
  reports.watchFailed(new Error('another'));
  expect(lines.filter((level) => level === 'warn')).toHaveLength(2);
});

test('annotations that cannot be read are one line a minute', () => {
  const { lines, reports } = bench();
  for (let i = 0; i < 5; i++) reports.reconcile.mistaken(pod, ['dns-capture is "maybe"']);
  expect(lines.filter((level) => level === 'warn')).toHaveLength(1);
});

test('a pod that breaks its own rules in a loop is a warning a minute, in the log as in Events', () => {
  const { lines, reports } = bench();
  const told: string[] = [];
  const ports = reports.outsiders({ tell: ({ reason }) => told.push(reason) }, () => {});
  for (let i = 0; i < 5; i++) {
    reports.reconcile.found(pod, 'damaged');
    ports.warn(pod, 'rules-damaged', 'text');
    ports.recovered(pod, 'rules-damaged');
  }
  expect(told).toEqual(['NotEnrolled', 'Enrolled']);
  expect(lines.filter((level) => level !== 'debug')).toEqual(['warn', 'warn', 'info']);
});

test('the time of an attempt is counted, failed ones too, and not that of finding nothing to do', async () => {
  const { metrics, reports } = bench();
  await reports.worked('u1', 'nothing', async () => {});
  await reports.worked('u1', 'enrol', async () => {});
  await expect(reports.worked('u1', 'enrol', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await metrics.text()).toContain('ambient_enrolment_seconds_count 2\n');
});
