// One connection's life in the metrics and the access log: whole texts, because other people's tools parse them.
import { ip, service, workload } from '@ambient-mesh/model/testing';
import { Log } from '@ambient-mesh/runtime/log';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import type { Connection } from './access-log.ts';
import { partyFromBaggage, partyOf } from './labels.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { Telemetry } from './telemetry.ts';

const client = workload({
  name: 'client-0',
  namespace: 'default',
  serviceAccount: 'client',
  workloadName: 'client',
  canonicalName: 'client',
  canonicalRevision: 'v1',
});
const echo = workload({
  name: 'echo-0',
  namespace: 'default',
  serviceAccount: 'echo',
  workloadName: 'echo',
  canonicalName: 'echo',
  canonicalRevision: 'v2',
});
const echoService = service({ hostname: 'echo.default.svc.cluster.local', namespace: 'default' });
const at = (text: string, port: number) => ({ ip: ip(text), port });

const outbound: Connection = {
  reporter: 'source',
  from: at('10.0.1.5', 40112),
  to: at('10.0.2.7', 15008),
  authority: '10.0.2.7:8080',
  source: partyOf(client),
  sourcePrincipal: client.identity,
  destination: partyOf(echo),
  destinationPrincipal: echo.identity,
  service: echoService,
  security: 'mutual_tls',
};

function start(directives = 'info', format: 'plain' | 'json' = 'plain') {
  const clock = fakeClock(ms(Date.UTC(2026, 7, 20, 10, 11, 12, 123)));
  const lines: string[] = [];
  const log = new Log({ format, directives, write: (line) => lines.push(line), clock });
  const metrics = new Metrics();
  return {
    clock,
    lines,
    metrics,
    telemetry: new Telemetry(metrics, log, clock),
    exact: () => lines.map((line) => line.replaceAll('\t', '→')),
  };
}
const T = '2026-08-20T10:11:12.123000Z';
const src =
  'src.workload="client-0" src.namespace="default" src.identity="spiffe://cluster.local/ns/default/sa/client" src.cluster="Kubernetes"';
const dst =
  'dst.workload="echo-0" dst.namespace="default" dst.identity="spiffe://cluster.local/ns/default/sa/echo" dst.cluster="Kubernetes"';

describe('access log', () => {
  const moved = { received: 11, sent: 22 };
  const rows: readonly (readonly [name: string, change: Partial<Connection>, want: string])[] = [
    [
      'outbound over HBONE: bytes_sent is what the app sent',
      {},
      `src.addr=10.0.1.5:40112 ${src} dst.addr=10.0.2.7:15008 dst.hbone_addr=10.0.2.7:8080 dst.service="echo.default.svc.cluster.local" ${dst} direction="outbound" bytes_sent=11 bytes_recv=22 duration="0ms"`,
    ],
    [
      'inbound: bytes_sent is what the app answered',
      { reporter: 'destination' },
      `src.addr=10.0.1.5:40112 ${src} dst.addr=10.0.2.7:15008 dst.hbone_addr=10.0.2.7:8080 dst.service="echo.default.svc.cluster.local" ${dst} direction="inbound" bytes_sent=22 bytes_recv=11 duration="0ms"`,
    ],
    [
      'in clear: no identities',
      { security: 'unknown', authority: undefined, service: undefined, to: at('10.0.2.7', 8080) },
      'src.addr=10.0.1.5:40112 src.workload="client-0" src.namespace="default" src.cluster="Kubernetes" dst.addr=10.0.2.7:8080 dst.workload="echo-0" dst.namespace="default" dst.cluster="Kubernetes" direction="outbound" bytes_sent=11 bytes_recv=22 duration="0ms"',
    ],
    [
      'on the same node: says so, and names the identities',
      { security: 'local', authority: undefined, service: undefined, to: at('10.0.2.7', 8080) },
      `src.addr=10.0.1.5:40112 ${src} dst.addr=10.0.2.7:8080 ${dst} direction="outbound" security="local" bytes_sent=11 bytes_recv=22 duration="0ms"`,
    ],
    [
      'nothing known, IPv6',
      {
        security: 'unknown',
        authority: undefined,
        service: undefined,
        source: undefined,
        destination: undefined,
        from: at('2001:db8::1', 1),
        to: at('2001:db8::2', 2),
      },
      'src.addr=[2001:db8::1]:1 dst.addr=[2001:db8::2]:2 direction="outbound" bytes_sent=11 bytes_recv=22 duration="0ms"',
    ],
    [
      'known from baggage: the canonical service stands for the pod',
      {
        security: 'unknown',
        authority: undefined,
        service: undefined,
        destination: undefined,
        source: partyFromBaggage({ canonicalName: 'c', namespace: 'n' }),
      },
      'src.addr=10.0.1.5:40112 src.workload="c" src.namespace="n" dst.addr=10.0.2.7:15008 direction="outbound" bytes_sent=11 bytes_recv=22 duration="0ms"',
    ],
  ];
  for (const [name, change, want] of rows) {
    test(name, () => {
      const { telemetry, exact } = start();
      const report = telemetry.connections.open({ ...outbound, ...change });
      Object.assign(report.bytes, moved);
      report.end();
      expect(exact()).toEqual([`${T}→info→access→connection complete→${want}`]);
    });
  }
  test('a line when it opens, at DEBUG, without the last fields', () => {
    const { telemetry, exact } = start('access=debug');
    telemetry.connections.open(outbound);
    expect(exact()[0]).toMatch(/→debug→access→connection opened→src\.addr=.* direction="outbound"$/);
  });
  test('a denial is an ERROR that names identity, workload and policy', () => {
    const { telemetry, exact } = start();
    telemetry.connections
      .open({ ...outbound, reporter: 'destination' })
      .end({ flag: 'DENY', error: 'denied by policy', policy: 'default/deny-all' });
    expect(exact()[0]).toContain(`→error→access→connection complete→src.addr=10.0.1.5:40112 ${src}`);
    expect(exact()[0]).toContain('dst.workload="echo-0"');
    expect(exact()[0]).toMatch(/duration="0ms" policy="default\/deny-all" error="denied by policy"$/);
  });
  test('whole milliseconds, rounded down', async () => {
    const { telemetry, exact, clock } = start();
    const report = telemetry.connections.open(outbound);
    await clock.advance(ms(3.9));
    report.end();
    expect(exact()[0]).toContain('duration="3ms"');
  });
  test('turned away early: WARN with four fields', () => {
    const { telemetry, exact } = start();
    telemetry.connections.refused(at('10.0.1.5', 1), at('10.0.2.7', 15008), 'destination', 'no "such" pod');
    expect(exact()).toEqual([
      `${T}→warn→access→connection failed→src.addr=10.0.1.5:1 dst.addr=10.0.2.7:15008 direction="inbound" error="no \\"such\\" pod"`,
    ]);
  });
  test('JSON: numbers are numbers, the rest are strings', () => {
    const { telemetry, lines } = start('info', 'json');
    telemetry.connections.open({ ...outbound, service: undefined, source: undefined, destination: undefined }).end();
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: T,
      scope: 'access',
      message: 'connection complete',
      'src.addr': '10.0.1.5:40112',
      'src.identity': 'spiffe://cluster.local/ns/default/sa/client',
      'dst.addr': '10.0.2.7:15008',
      'dst.hbone_addr': '10.0.2.7:8080',
      'dst.identity': 'spiffe://cluster.local/ns/default/sa/echo',
      direction: 'outbound',
      bytes_sent: 0,
      bytes_recv: 0,
      duration: '0ms',
    });
  });
});

describe('metrics', () => {
  const text = async ({ metrics, telemetry }: ReturnType<typeof start>): Promise<string> => {
    telemetry.settle(() => [client, echo]);
    return await metrics.text();
  };
  const of = (page: string, name: string): string[] => page.split('\n').filter((line) => line.startsWith(`${name}{`));

  test('a whole page, one connection', async () => {
    const it = start();
    using _socket = it.telemetry.socketOpen('source');
    const report = it.telemetry.connections.open({ ...outbound, destination: undefined });
    Object.assign(report.bytes, { received: 11, sent: 22 });
    report.end({ flag: 'CONNECT', error: 'x' });
    const labels = (flag: string): string =>
      'reporter="source",source_workload="client",source_canonical_service="client",source_canonical_revision="v1",source_workload_namespace="default",source_principal="spiffe://cluster.local/ns/default/sa/client",source_app="client",source_version="v1",source_cluster="Kubernetes",' +
      'destination_service="echo.default.svc.cluster.local",destination_service_namespace="default",destination_service_name="echo",destination_workload="unknown",destination_canonical_service="unknown",destination_canonical_revision="unknown",destination_workload_namespace="unknown",destination_principal="spiffe://cluster.local/ns/default/sa/echo",destination_app="unknown",destination_version="unknown",destination_cluster="unknown",' +
      `request_protocol="tcp",response_flags="${flag}",connection_security_policy="mutual_tls",source_region="unknown",source_zone="unknown",destination_region="unknown",destination_zone="unknown"`;
    expect(await text(it)).toBe(`# HELP istio_tcp_connections_opened TCP connections opened.
# TYPE istio_tcp_connections_opened counter
istio_tcp_connections_opened_total{${labels('-')}} 1
# HELP istio_tcp_connections_closed TCP connections closed.
# TYPE istio_tcp_connections_closed counter
istio_tcp_connections_closed_total{${labels('CONNECT')}} 1
# HELP istio_tcp_connections_failed TCP connections that ended with an error (unstable).
# TYPE istio_tcp_connections_failed counter
istio_tcp_connections_failed_total{${labels('CONNECT')}} 1
# HELP istio_tcp_received_bytes Bytes read from the client side of TCP connections.
# TYPE istio_tcp_received_bytes counter
istio_tcp_received_bytes_total{${labels('-')}} 11
# HELP istio_tcp_sent_bytes Bytes given back to the client side of TCP connections.
# TYPE istio_tcp_sent_bytes counter
istio_tcp_sent_bytes_total{${labels('-')}} 22
# HELP istio_tcp_sockets_open TCP sockets accepted and still open (unstable).
# TYPE istio_tcp_sockets_open gauge
istio_tcp_sockets_open{reporter="source"} 1
# EOF
`);
  });
  test('bytes of an open connection show at the next settling, and once only', async () => {
    const it = start();
    const report = it.telemetry.connections.open(outbound);
    report.bytes.received = 5;
    expect(of(await text(it), 'istio_tcp_received_bytes_total')[0]).toMatch(/ 5$/);
    report.bytes.received = 7;
    report.end();
    report.bytes.received = 100;
    expect(of(await text(it), 'istio_tcp_received_bytes_total')[0]).toMatch(/ 7$/);
  });
  test('an end counts once', async () => {
    const it = start();
    const report = it.telemetry.connections.open(outbound);
    report.end();
    report.end({ flag: 'DENY', error: 'late' });
    report[Symbol.dispose]();
    expect(of(await text(it), 'istio_tcp_connections_closed_total')).toHaveLength(1);
    expect(it.lines).toHaveLength(1);
  });
  test('cut by a drain: an ERROR line, closed and cut, but not failed', async () => {
    const it = start();
    it.telemetry.connections.open(outbound)[Symbol.dispose]();
    expect(it.exact()[0]).toMatch(/→error→.*error="connection closed due to connection drain"$/);
    const page = await text(it);
    expect(of(page, 'istio_tcp_connections_closed_total')[0]).toContain('response_flags="-"');
    expect(page).not.toContain('istio_tcp_connections_failed');
    expect(of(page, 'ambient_connections_cut_total')).toEqual(['ambient_connections_cut_total{reporter="source"} 1']);
  });
  test('a denial says who was turned away by which policy, or that none allowed it; other failures do not', async () => {
    const it = start();
    const inbound: Connection = { ...outbound, reporter: 'destination' };
    it.telemetry.connections.open(inbound).end({ flag: 'DENY', error: 'x', policy: 'default/deny-all' });
    it.telemetry.connections.open({ ...inbound, service: undefined, source: undefined }).end({ flag: 'DENY', error: 'x' });
    it.telemetry.connections.open(inbound).end({ flag: 'CONNECT', error: 'x' });
    const server = 'destination_workload="echo",destination_workload_namespace="default"';
    const principal = 'source_principal="spiffe://cluster.local/ns/default/sa/client"';
    expect(of(await text(it), 'ambient_policy_denials_total')).toEqual([
      `ambient_policy_denials_total{source_workload="client",source_workload_namespace="default",${principal},${server},destination_service="echo.default.svc.cluster.local",destination_service_namespace="default",policy="default/deny-all"} 1`,
      `ambient_policy_denials_total{source_workload="unknown",source_workload_namespace="unknown",${principal},${server},destination_service="unknown",destination_service_namespace="unknown",policy="none"} 1`,
    ]);
  });
  test('the gauge of open sockets falls once', async () => {
    const it = start();
    const socket = it.telemetry.socketOpen('destination');
    socket[Symbol.dispose]();
    socket[Symbol.dispose]();
    expect(of(await text(it), 'istio_tcp_sockets_open')[0]).toMatch(/ 0$/);
  });
  test('series of a workload that is gone go 15 min after their last change', async () => {
    const it = start();
    it.telemetry.connections.open(outbound).end();
    const opened = async (workloads: readonly (typeof client)[]): Promise<number> => {
      await it.clock.advance(ms(60_001));
      it.telemetry.settle(() => workloads);
      return of(await it.metrics.text(), 'istio_tcp_connections_opened_total').length;
    };
    for (let minute = 0; minute < 20; minute++) expect(await opened([client, echo])).toBe(1);
    expect(await opened([client])).toBe(0);
    it.telemetry.connections.open(outbound).end();
    for (let minute = 0; minute < 14; minute++) expect(await opened([client])).toBe(1);
    await opened([client]);
    expect(await opened([client])).toBe(0);
  });
  test('denials of a workload that is gone go with the rest', async () => {
    const it = start();
    it.telemetry.connections.open(outbound).end({ flag: 'DENY', error: 'x', policy: 'default/deny-all' });
    const denials = async (workloads: readonly (typeof client)[]): Promise<number> => {
      await it.clock.advance(ms(60_001));
      it.telemetry.settle(() => workloads);
      return of(await it.metrics.text(), 'ambient_policy_denials_total').length;
    };
    for (let minute = 0; minute < 20; minute++) expect(await denials([client, echo])).toBe(1);
    expect(await denials([client])).toBe(0);
  });
  test('revocations and on-demand names', async () => {
    const it = start();
    it.telemetry.revoked({ inbound: 2, outbound: 1 });
    it.telemetry.untracked('source');
    it.telemetry.dns.onDemand(client, 'vm.example.com');
    const page = await text(it);
    expect(page).toContain('istio_crl_policy_rejections_total{reporter="destination"} 2');
    expect(page).toContain('istio_crl_policy_rejections_total{reporter="source"} 1');
    expect(page).toContain('istio_crl_untracked_connections_total{reporter="source"} 1');
    expect(of(page, 'istio_on_demand_dns_total')[0]).toMatch(/source_cluster="Kubernetes",hostname="vm.example.com"\} 1$/);
  });
  test('the process: build, descriptors, threads; what is not of the stable set says so in its help', async () => {
    const it = start();
    it.telemetry.dns.request('a', 'udp', client).forwarding().done(true);
    it.telemetry.revoked({ inbound: 1, outbound: 1 });
    it.telemetry.connections.open(outbound).end({ flag: 'CONNECT', error: 'x' });
    const threads = () => [{ name: '0', busySeconds: () => 1.5 }];
    registerProcessMetrics(it.metrics, { component: 'ztunnel', istioVersion: '1.30.0', threads });
    const page = await text(it);
    expect(page).toContain('istio_build{component="ztunnel",tag="1.30.0"} 1');
    expect(page).toContain('tokio_num_workers 1');
    expect(page).toContain('tokio_worker_total_busy_duration_seconds_total{worker="0"} 1.5');
    for (const name of ['process_open_fds', 'process_max_fds', 'process_resident_memory_bytes', 'process_cpu_seconds_total'])
      expect(page).toMatch(new RegExp(`^${name} [0-9.]*[1-9]`, 'm'));
    const stable = /^(istio_build|istio_tcp_(connections_(opened|closed)|(received|sent)_bytes)|process_.*|tokio_.*)$/;
    for (const [, name = '', help = ''] of page.matchAll(/^# HELP (\S+) (.*)$/gm))
      expect([name, help.includes('unstable')]).toEqual([name, !stable.test(name)]);
  });
});
