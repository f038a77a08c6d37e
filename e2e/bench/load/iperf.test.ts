// iperf3's report, shortened.
import { expect, test } from 'vitest';
import { readBulkReport } from './iperf.ts';

test('the rate is what the receiver saw; the amount includes the seconds that the rate leaves out', () => {
  const report = {
    intervals: [{ sum: { bytes: 4e9, omitted: true } }, { sum: { bytes: 5e9, omitted: false } }],
    end: { sum_sent: { bits_per_second: 41e9 }, sum_received: { bits_per_second: 40e9 } },
  };
  expect(readBulkReport(JSON.stringify(report))).toEqual({ gbitPerSecond: 40, gigabytes: 9 });
});

const failures: readonly (readonly [name: string, json: string, said: string])[] = [
  [
    'a failure is reported in iperf3’s words',
    '{"start":{},"end":{},"error":"unable to connect to server: Connection refused"}',
    'Connection refused',
  ],
  ['a report without a result is a failure', '{"intervals":[],"end":{}}', 'no result'],
];
for (const [name, json, said] of failures) test(name, () => expect(() => readBulkReport(json)).toThrow(said));
