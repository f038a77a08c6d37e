// Lines of access logs: Istio's own, formats of the user's, and what clients may not do to a line.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entry, head, inlet } from '../testing/entry.ts';
import { compileFormat, defaultFormat } from './access-format.ts';
import type { Entry } from './entry.ts';

const cluster = 'inbound-vip|80|http|reviews.ns.svc.cluster.local';

test('the usual line is Istio’s', () => {
  expect(defaultFormat('TEXT')(entry())).toBe(
    '[2026-01-02T03:04:05.067Z] "GET /api?x=1 HTTP/1.1" 200 - via_upstream - "-" 5 50 12 9 "-" "curl" "id-1" "reviews" ' +
      `"10.0.0.2:9080" ${cluster} - 10.1.0.1:80 10.0.0.1:40000 - main\n`,
  );
});

test('the usual JSON says the same, numbers as numbers, what is not known as null', () => {
  const line: unknown = JSON.parse(defaultFormat('JSON')(entry({ flags: ['UH'] })));
  expect(line).toMatchObject({
    start_time: '2026-01-02T03:04:05.067Z',
    method: 'GET',
    path: '/api?x=1',
    response_code: 200,
    response_flags: 'UH',
    bytes_received: 5,
    duration: 12,
    upstream_service_time: '9',
    x_forwarded_for: null,
    upstream_host: '10.0.0.2:9080',
    downstream_peer_principal: 'spiffe://cluster.local/ns/ns/sa/shop',
    route_name: 'main',
  });
});

test('lines of audited requests say so', () => {
  expect(defaultFormat('TEXT')(entry({ audited: true }))).toMatch(/ main access_log_hint=true\n$/);
  expect(JSON.parse(defaultFormat('JSON')(entry({ audited: true })))).toMatchObject({ access_log_hint: true });
  expect(defaultFormat('JSON')(entry())).not.toContain('access_log_hint');
});

const raw = entry({ head: undefined, version: 'TCP', status: 0, reason: 'not allowed', details: '' });

const rows: readonly (readonly [format: string, want: string, given?: Partial<Entry>])[] = [
  ['100%% %RESPONSE_CODE%', '100% 200'],
  ['%REQ(X-REQUEST-ID)% %REQ(none)% %REQ(none?:authority)%', 'id-1 - reviews'],
  ['%RESP(X-Envoy-Upstream-Service-Time)%', '9'],
  ['%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%', '/old', { originalPath: '/old' }],
  ['%REQ(:PATH):4%', '/api'],
  ['%RESPONSE_FLAGS%', 'UF,URX', { flags: ['UF', 'URX'] }],
  ['%RESPONSE_CODE_DETAILS%', 'a_b_c', { details: 'a b\nc' }],
  ['%UPSTREAM_TRANSPORT_FAILURE_REASON%', 'connection refused', { flags: ['UF'], reason: 'connection refused' }],
  ['%START_TIME(%Y/%m/%d %H:%M:%S.%3f %s)%', '2026/01/02 03:04:05.067 1767323045'],
  ['%START_TIME(%F %T %9f %z %e %q)%', '2026-01-02 03:04:05 067000000 +0000  2 %q'],
  ['%GRPC_STATUS_NUMBER%', '5', { grpcStatus: 5 }],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%', '10.0.0.1 80'],
  ['%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', 'example.com', { inlet: inlet({ authority: { hostname: 'example.com', port: 80 } }) }],
  ['%TRACE_ID%', 'abc', { traceId: 'abc' }],
  ['%DYNAMIC_METADATA(envoy.common:access_log_hint)%', 'true', { audited: true }],
  ['%NO_SUCH_THING% %constructor% %CEL(x)%', '- %constructor% -'],
  ['%PROTOCOL% %REQ(:METHOD)% %CONNECTION_TERMINATION_DETAILS%', '- - not allowed', raw],
  ['a line that ends\n', 'a line that ends'],
];

for (const [format, want, given] of rows)
  test(`${format} gives ${want}`, () => {
    expect(compileFormat('TEXT', format)?.(entry(given))).toBe(`${want}\n`);
  });

test('a JSON format keeps its shape and the types of its values', () => {
  const format = JSON.stringify({
    code: '%RESPONSE_CODE%',
    both: '%REQ(:METHOD)% %RESPONSE_CODE%',
    none: '%GRPC_STATUS%',
    in: { a: ['%ROUTE_NAME%', 7] },
  });
  expect(JSON.parse(compileFormat('JSON', format)?.(entry()) ?? '')).toEqual({
    code: 200,
    both: 'GET 200',
    none: null,
    in: { a: ['main', 7] },
  });
});

test.each(['{', '7', 'null', '"x"'])('%s is no JSON format', (format) => {
  expect(compileFormat('JSON', format)).toBeUndefined();
});

/** Any 16 bits, lone surrogates too, and what is special more often; fast-check's own `binary` takes a second to be made. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary-ascii' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
);

test('nobody ends a line or a quote but the format', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const hostile = entry({
        head: head({ path: text, authority: text, headers: [['user-agent', text]] }),
        reason: text,
        details: text,
        flags: ['UF'],
      });
      const line = defaultFormat('TEXT')(hostile);
      const read = JSON.parse(defaultFormat('JSON')(hostile)) as { readonly authority?: string };
      return line.split('\n').length === 2 && line.split('"').length === 15 && read.authority === text;
    }),
  );
});

test('whatever the format is, it is read', () => {
  fc.assert(fc.property(fc.string(), (format) => void compileFormat('TEXT', format)?.(entry())));
});
