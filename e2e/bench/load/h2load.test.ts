// h2load's report as Debian's 1.52.0 prints it, shortened.
import { expect, test } from 'vitest';
import { readHttp2Report } from './h2load.ts';

const report = ({ failed = 0, codes = '40000 2xx, 0 3xx, 0 4xx, 0 5xx' } = {}): string => `starting benchmark...
progress: 100% of clients started
finished in 2.02s, 19876.50 req/s, 2.13MB/s
requests: 40000 total, 40064 started, 40000 done, ${40_000 - failed} succeeded, ${failed} failed, ${failed} errored, 0 timeout
status codes: ${codes}
traffic: 4.26MB (4362640) total, 203.13KB (208000) headers (space savings 50.00%), 19.53KB (20000) data
`;

test('the rate, and how many requests it is of', () =>
  expect(readHttp2Report(report())).toEqual({ perSecond: 19_876.5, requests: 40_000 }));

const failures: readonly (readonly [name: string, text: string, said: string])[] = [
  ['requests that fail make the rate worthless', report({ failed: 3 }), '3 failed'],
  ['so do answers that are errors', report({ codes: '39990 2xx, 0 3xx, 0 4xx, 10 5xx' }), '10 5xx'],
  ['no answers at all are shown as they are', 'starting benchmark...\nprogress: 12% of clients started\n', '12% of clients'],
];
for (const [name, text, said] of failures) test(name, () => expect(() => readHttp2Report(text)).toThrow(said));
