// What is read from resolv.conf, good and bad.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts';

const servers = (...ips: string[]) => ips.map((ip) => ({ ip, port: 53 }));
const rows: readonly (readonly [name: string, text: string, want: Partial<Record<keyof ResolvConf, unknown>>])[] = [
  ['nothing: the local machine, twice, 5 s', '', { servers: servers('127.0.0.1'), search: [], timeoutS: 5, attempts: 2, rotate: false }],
  ['both families, in order', 'nameserver 10.96.0.10\nnameserver 2001:DB8::1\n', { servers: servers('10.96.0.10', '2001:db8::1') }],
  [
    'no more than three',
    'nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4',
    { servers: servers('1.1.1.1', '1.1.1.2', '1.1.1.3') },
  ],
  [
    'comments, tabs, CRLF and what is no address',
    '# x\n;y\nnameserver\t10.0.0.1 # z\r\nnameserver dns.example\nnameserver\nfoo bar',
    { servers: servers('10.0.0.1') },
  ],
  [
    'the last search list counts',
    'search a.b\nsearch NS.svc.cluster.local. svc.cluster.local',
    { search: ['ns.svc.cluster.local', 'svc.cluster.local'] },
  ],
  ['domain is a list of one', 'domain a.b c.d', { search: ['a.b'] }],
  ['options', 'options ndots:5 timeout:3 attempts:4 rotate', { timeoutS: 3, attempts: 4, rotate: true }],
  ['options out of range', 'options timeout:99 attempts:0', { timeoutS: 30, attempts: 1 }],
  ['options without sense', 'options timeout:x attempts:', { timeoutS: 5, attempts: 2 }],
];
describe('resolv.conf', () => {
  for (const [name, text, want] of rows) test(name, () => expect(parseResolvConf(text)).toMatchObject(want));
  test('any text gives at least one server and sane numbers', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'nameserver options:timeout0123456789.\n\t;#rotate'.split('')), maxLength: 200 }),
        (text) => {
          const conf = parseResolvConf(text);
          expect(conf.servers.length).toBeGreaterThan(0);
          expect(conf.attempts * conf.timeoutS).toBeGreaterThan(0);
        },
      ),
    );
  });
});
