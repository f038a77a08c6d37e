// wrk's report as Debian's 4.1.0 prints it.
import { expect, test } from 'vitest';
import { readHttpReport } from './wrk.ts';

const report = (p50: string, p99: string, more = ''): string => `Running 5s test @ http://10.0.2.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.01ms    2.20ms  49.21ms   97.02%
    Req/Sec    41.50k     3.10k   46.21k    70.00%
  Latency Distribution
     50%  ${p50}
     75%    1.00ms
     90%    1.50ms
     99%  ${p99}
  206534 requests in 5.00s, 49.64MB read
${more}Requests/sec:  41296.10
Transfer/sec:      9.93MB
`;

const rows: readonly (readonly [name: string, p50: string, p99: string, want: { p50Ms: number; p99Ms: number }])[] = [
  ['times in microseconds and milliseconds', '680.00us', '12.02ms', { p50Ms: 0.68, p99Ms: 12.02 }],
  ['times in seconds and minutes', '1.50s', '1.00m', { p50Ms: 1_500, p99Ms: 60_000 }],
];
for (const [name, p50, p99, want] of rows) {
  test(name, () => expect(readHttpReport(report(p50, p99))).toEqual({ perSecond: 41_296.1, requests: 206_534, ...want }));
}

const failures: readonly (readonly [name: string, text: string, said: string])[] = [
  [
    'failed connections make the rate worthless',
    report('1ms', '1ms', '  Socket errors: connect 0, read 3, write 0, timeout 0\n'),
    'read 3',
  ],
  ['so do answers that are errors', report('1ms', '1ms', '  Non-2xx or 3xx responses: 12\n'), 'Non-2xx'],
  ['a server that is not there is named', 'unable to connect to 10.0.2.1:8080 Connection refused\n', 'unable to connect'],
  ['anything else is shown as it is', 'wrk: command not found', 'command not found'],
];
for (const [name, text, said] of failures) test(name, () => expect(() => readHttpReport(text)).toThrow(said));
