// Lines of both proxies' access logs as records, and which of them a user wants. Whatever else a line holds, nothing throws.
import { Log, raw } from '@ambient-mesh/runtime/log';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AccessRecord, isWanted, type Wish } from './record.ts';
import { recordText } from './text.ts';
import { parseWaypointLine } from './waypoint-line.ts';
import { parseZtunnelLine } from './ztunnel-line.ts';

const [web, cart] = ['spiffe://cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/store/sa/cart'];
const ztunnelLine = (format: 'plain' | 'json', more: readonly (readonly [string, string])[] = []): string => {
  const lines: string[] = [];
  const log = new Log({ format, directives: 'info', write: (line) => lines.push(line), clock: fakeClock() });
  log
    .for('access')
    .info('connection complete', [
      ['src.addr', raw('10.0.0.2:40000')],
      ['src.workload', 'web-7d9f-x2x'],
      ['src.namespace', 'shop'],
      ['src.identity', web],
      ['dst.addr', raw('10.0.1.2:15008')],
      ['dst.hbone_addr', raw('10.0.1.2:8080')],
      ['dst.service', 'cart.store.svc.cluster.local'],
      ['dst.workload', 'cart-1'],
      ['dst.namespace', 'store'],
      ['dst.identity', cart],
      ['direction', 'inbound'],
      ['bytes_sent', 2_000],
      ['bytes_recv', 100],
      ['duration', '12ms'],
      ...more,
    ]);
  return lines[0] ?? '';
};
const connection: AccessRecord = {
  time: '2026-01-01T00:00:00.000000Z',
  from: { workload: 'web-7d9f-x2x', namespace: 'shop', identity: web, address: '10.0.0.2:40000' },
  to: { workload: 'cart-1', namespace: 'store', identity: cart, address: '10.0.1.2:8080' },
  service: 'cart.store.svc.cluster.local',
  direction: 'inbound',
  request: '',
  status: 0,
  outcome: 'ok',
  policy: '',
  error: '',
  sentBytes: 100,
  receivedBytes: 2_000,
  durationMs: 12,
};

describe('a ztunnel', () => {
  for (const format of ['plain', 'json'] as const) {
    test(`its lines as it writes them, ${format}`, () => expect(parseZtunnelLine(ztunnelLine(format))).toEqual(connection));
    test(`a denial names its policy, ${format}`, () => {
      const error = 'connection closed due to policy rejection: "it" said no=1 (from\\me)';
      const line = ztunnelLine(format, [
        ['policy', 'store/deny'],
        ['error', error],
      ]);
      expect(parseZtunnelLine(line)).toEqual({ ...connection, outcome: 'denied', policy: 'store/deny', error });
    });
  }
  test("Istio's own, of a client that was turned away", () => {
    const line =
      '2026-01-01T00:00:00.5Z\terror\taccess\tconnection complete\tsrc.addr=10.0.0.2:40000 src.workload="web-1" src.namespace="shop" ' +
      'dst.addr=10.0.1.2:15008 direction="outbound" bytes_sent=7 bytes_recv=9 duration="3ms" error="http status: 401 Unauthorized"';
    expect(parseZtunnelLine(line)).toMatchObject({ outcome: 'denied', sentBytes: 7, receivedBytes: 9, direction: 'outbound', policy: '' });
  });
  test('a failure is no denial', () => {
    expect(parseZtunnelLine(ztunnelLine('plain', [['error', 'connection refused']]))).toMatchObject({ outcome: 'failed' });
  });
  for (const line of ['', '{', '{}', 'x\ty\tz\tready\t', '2026\tinfo\tapp\tconnection opened\tsrc.addr=1', '[]', 'null'])
    test(`no line of the access log: ${JSON.stringify(line)}`, () => expect(parseZtunnelLine(line)).toBeUndefined());
});

const names = new Map([
  ['10.0.0.2', { name: 'web-1', namespace: 'shop' }],
  ['fd00::2', { name: 'cart-1', namespace: 'store' }],
]);
const waypointLine =
  '[2026-01-01T00:00:00.123Z] "GET /v2?x=%20 HTTP/1.1" 200 - via_upstream - "-" 5 50 12 9 "-" "curl" "id-1" "cart" ' +
  '"[fd00::2]:9080" inbound-vip|80|http|cart.store.svc.cluster.local - 10.1.0.1:80 10.0.0.2:40000 - main';
const denied = waypointLine.replace('200 - via_upstream', '403 - rbac_access_denied_matched_policy[ns[store]-policy[no-gets]-rule[0]]');

describe('a waypoint', () => {
  test('its usual text, with names for addresses', () => {
    expect(parseWaypointLine(waypointLine, names)).toEqual({
      ...connection,
      time: '2026-01-01T00:00:00.123Z',
      from: { workload: 'web-1', namespace: 'shop', identity: '', address: '10.0.0.2:40000' },
      to: { workload: 'cart-1', namespace: 'store', identity: '', address: '[fd00::2]:9080' },
      direction: 'waypoint',
      request: 'GET /v2?x=%20',
      status: 200,
      sentBytes: 5,
      receivedBytes: 50,
    });
  });
  test('its usual JSON says who the client was', () => {
    const line = JSON.stringify({
      start_time: '2026-01-01T00:00:00.123Z',
      method: 'GET',
      path: '/',
      response_code: 503,
      response_flags: 'UF',
      response_code_details: 'upstream_reset',
      upstream_transport_failure_reason: 'refused',
      bytes_received: 1,
      bytes_sent: 2,
      duration: 3,
      authority: 'cart',
      upstream_host: null,
      downstream_remote_address: '10.0.0.9:1',
      downstream_peer_principal: web,
    });
    expect(parseWaypointLine(line, names)).toMatchObject({
      from: { workload: 'web', namespace: 'shop', identity: web },
      to: { workload: '', address: '' },
      service: 'cart',
      outcome: 'failed',
      error: 'upstream_reset refused UF',
    });
  });
  const outcomes: readonly (readonly [name: string, line: string, want: Partial<AccessRecord>])[] = [
    ['a policy that denied', denied, { outcome: 'denied', policy: 'store/no-gets', status: 403 }],
    ['no policy that allowed', denied.replace('ns[store]-policy[no-gets]-rule[0]', 'none'), { outcome: 'denied', policy: '' }],
    ['an authorizer', waypointLine.replace('200 - via_upstream', '403 UAEX ext_authz_denied'), { outcome: 'denied' }],
    ['a token', waypointLine.replace('200 - via_upstream', '401 - jwt_authn_access_denied{Jwt_is_missing}'), { outcome: 'denied' }],
    ["the server's own 403", waypointLine.replace('200 -', '403 -'), { outcome: 'ok', status: 403 }],
    ['TCP that broke', waypointLine.replace('"GET /v2?x=%20 HTTP/1.1" 200 -', '"- - -" 0 UF'), { outcome: 'failed', request: '' }],
  ];
  for (const [name, line, want] of outcomes) test(name, () => expect(parseWaypointLine(line, names)).toMatchObject(want));
  for (const line of ['', '{"level":"info","time":"x","msg":"ready"}', '[x] y', '{"start_time":1}'])
    test(`no usual line: ${JSON.stringify(line)}`, () => expect(parseWaypointLine(line, names)).toBeUndefined());
});

test('nothing throws', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom(waypointLine, denied, ztunnelLine('plain')));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), fc.nat(300), (parts, cut) => {
      const line = parts.join('').slice(cut);
      for (const record of [parseZtunnelLine(line), parseWaypointLine(line, names)])
        if (record !== undefined) expect(recordText(record, 'x', false)).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
    }),
  );
});

describe('wishes', () => {
  const rows: readonly (readonly [name: string, wish: Wish, wanted: boolean])[] = [
    ['everything', {}, true],
    ['a pod by its name', { workload: 'cart-1' }, true],
    ['a Deployment of such pods', { workload: 'web' }, true],
    ['... with its namespace', { workload: 'web.shop' }, true],
    ['... in another namespace', { workload: 'web.store' }, false],
    ['another Deployment whose name begins alike', { workload: 'we' }, false],
    ['a service', { workload: 'cart.store' }, true],
    ['both ends', { workload: 'web', peer: 'cart' }, true],
    ['both ends the other way', { workload: 'cart', peer: 'web.shop' }, true],
    ['the same end twice', { workload: 'web', peer: 'web' }, false],
    ['only a peer', { peer: 'web' }, true],
    ['a namespace of one end', { namespace: 'store' }, true],
    ['a namespace of none', { namespace: 'default' }, false],
    ['denials', { denied: true }, false],
  ];
  for (const [name, wish, wanted] of rows) test(name, () => expect(isWanted(connection, wish)).toBe(wanted));
  test('denials only', () => expect(isWanted({ ...connection, outcome: 'denied' }, { denied: true })).toBe(true));
});

describe('text', () => {
  const rows: readonly (readonly [name: string, record: AccessRecord, colourful: boolean, text: string])[] = [
    [
      'a connection',
      connection,
      false,
      '00:00:00.000Z  inbound  zt  shop/web-7d9f-x2x:40000 -> store/cart-1:8080 (cart.store.svc.cluster.local)  ok  100 B out, 2.0 kB back, 12ms',
    ],
    [
      'a request that was denied',
      { ...connection, direction: 'waypoint', request: 'GET /', status: 403, outcome: 'denied', policy: 'a/b', error: 'no\u001b[2J' },
      true,
      '00:00:00.000Z  waypoint zt  shop/web-7d9f-x2x:40000 -> store/cart-1:8080 (cart.store.svc.cluster.local)  GET /  \u001b[31mDENIED 403 by a/b\u001b[0m: no [2J  100 B out, 2.0 kB back, 12ms',
    ],
  ];
  for (const [name, record, colourful, text] of rows) test(name, () => expect(recordText(record, 'zt', colourful)).toBe(text));
});
