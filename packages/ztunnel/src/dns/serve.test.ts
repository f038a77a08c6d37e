// The DNS proxy from end to end over real sockets: the look-up table over UDP and TCP, forwarding, bounds and draining.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { ip, meshOf, service, workload } from '@ambient-mesh/model/testing';
import packet, { type Packet } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rcodes, type Transport } from './message.ts';
import { ask, type Bench, startBench, startUpstream, type UpstreamServer } from './testing/bench.ts';

const transports: readonly Transport[] = ['udp', 'tcp'];
const client = workload({ name: 'client', namespace: 'ns1', network: 'net1', canonicalName: 'app', canonicalRevision: 'v1' });
const endpoint = (name: string, ips: readonly string[], of: string) =>
  workload({ name, namespace: 'ns1', network: 'net1', ips, serves: { [`ns1/${of}`]: { 80: 80 } } });
const D = 'cluster.local';

const mesh = meshOf({
  services: [
    service({ hostname: `echo.ns1.svc.${D}`, namespace: 'ns1', vips: ['net1/10.10.10.1', 'net1/2001:db8::1'] }),
    service({ hostname: `echo.ns2.svc.${D}`, namespace: 'ns2', vips: ['net1/10.10.10.2'] }),
    service({ hostname: 'www.example.com', namespace: 'ns1', vips: ['net1/10.10.10.3'] }),
    service({ hostname: '*.wild.example.com', namespace: 'ns1', vips: ['net1/10.10.10.4'] }),
    service({ hostname: 'a.wild.example.com', namespace: 'ns1', vips: ['net1/10.10.10.5'] }),
    service({ hostname: `*.svc.wild.${D}`, namespace: 'ns1', vips: ['net1/10.10.10.6'] }),
    service({ hostname: 'elsewhere.example.com', namespace: 'ns1', vips: ['net2/10.10.10.7'] }),
    service({ hostname: 'both.example.com', namespace: 'ns1', vips: ['net1/10.10.10.8', 'net2/10.10.10.9'] }),
    service({ hostname: 'four.example.com', namespace: 'ns1', vips: ['net1/10.10.10.10', 'net1/2001:db8::10'], ipFamilies: 'IPv4' }),
    service({ hostname: 'six.example.com', namespace: 'ns1', vips: ['net1/10.10.10.11', 'net1/2001:db8::11'], ipFamilies: 'IPv6' }),
    service({ hostname: `headless.ns1.svc.${D}`, namespace: 'ns1' }),
    service({ hostname: 'no-vip.example.com', namespace: 'ns1' }),
    service({ hostname: 'private.example.com', namespace: 'ns2', vips: ['net1/10.10.10.12'], visibility: 'Namespace' }),
    service({ hostname: 'twice.example.com', namespace: 'ns2', vips: ['net1/10.10.10.13'] }),
    service({ hostname: 'twice.example.com', namespace: 'preferred', vips: ['net1/10.10.10.14'] }),
    service({ hostname: 'own.example.com', namespace: 'ns2', vips: ['net1/10.10.10.15'], canonical: true }),
    service({ hostname: 'own.example.com', namespace: 'ns1', vips: ['net1/10.10.10.16'] }),
    service({ hostname: 'large.example.com', namespace: 'ns1', vips: Array.from({ length: 256 }, (_, i) => `net1/10.20.0.${i}`) }),
    service({ hostname: 'mapped.example.com', namespace: 'ns1', vips: ['net1/::ffff:10.10.10.17'] }),
  ],
  workloads: [
    endpoint('h1', ['10.0.0.1', '10.0.0.2'], `headless.ns1.svc.${D}`),
    endpoint('h2', ['10.0.0.3', '2001:db8::3'], `headless.ns1.svc.${D}`),
  ],
});

interface Row {
  readonly name: string;
  readonly ask: string;
  readonly type?: string;
  /** Record data in any order; `forward` when the upstream was asked. */
  readonly want: readonly string[] | 'forward';
  /** The CNAME's target, when there is one. */
  readonly alias?: string;
}

const rows: readonly Row[] = [
  { name: 'a full name', ask: `echo.ns1.svc.${D}`, want: ['10.10.10.1'] },
  { name: 'a full name, AAAA', ask: `echo.ns1.svc.${D}`, type: 'AAAA', want: ['2001:db8::1'] },
  { name: 'a full name with its final dot', ask: `echo.ns1.svc.${D}.`, want: ['10.10.10.1'] },
  { name: 'case does not matter', ask: `Echo.NS1.svc.${D.toUpperCase()}`, want: ['10.10.10.1'] },
  { name: 'AAAA of a service with IPv4 only: nothing, not forwarded', ask: `echo.ns2.svc.${D}`, type: 'AAAA', want: [] },
  { name: 'a short name is of the client namespace', ask: 'echo', want: ['10.10.10.1'] },
  { name: 'name.namespace', ask: 'echo.ns2', want: ['10.10.10.2'] },
  { name: 'name.namespace of the own namespace', ask: 'echo.ns1', want: ['10.10.10.1'] },
  { name: 'name.namespace.svc', ask: 'echo.ns2.svc', want: ['10.10.10.2'] },
  { name: 'a short name that is no service', ask: 'nothing', want: 'forward' },
  { name: 'name.namespace that is no service', ask: 'echo.ns3', want: 'forward' },
  { name: 'an external name', ask: 'www.example.com', want: ['10.10.10.3'] },
  { name: 'an unknown external name', ask: 'www.example.org', want: 'forward' },
  { name: 'a parent of a known name', ask: 'example.com', want: 'forward' },
  { name: 'a wildcard', ask: 'x.wild.example.com', want: ['10.10.10.4'] },
  { name: 'a wildcard takes several labels', ask: 'x.y.z.wild.example.com', want: ['10.10.10.4'] },
  { name: 'the exact name beats the wildcard', ask: 'a.wild.example.com', want: ['10.10.10.5'] },
  { name: 'a wildcard does not take its own base', ask: 'wild.example.com', want: 'forward' },
  { name: 'a wildcard inside the cluster domain', ask: `x.svc.wild.${D}`, want: ['10.10.10.6'] },
  { name: 'a virtual address on another network only: nothing', ask: 'elsewhere.example.com', want: [] },
  { name: 'only virtual addresses on the client network', ask: 'both.example.com', want: ['10.10.10.8'] },
  { name: 'an IPv4 service, A', ask: 'four.example.com', want: ['10.10.10.10'] },
  { name: 'an IPv4 service, AAAA: nothing', ask: 'four.example.com', type: 'AAAA', want: [] },
  { name: 'an IPv6 service, A: nothing', ask: 'six.example.com', want: [] },
  { name: 'an IPv6 service, AAAA', ask: 'six.example.com', type: 'AAAA', want: ['2001:db8::11'] },
  { name: 'headless: the first address of each endpoint', ask: `headless.ns1.svc.${D}`, want: ['10.0.0.1', '10.0.0.3'] },
  { name: 'headless, AAAA: of the endpoints that have one', ask: `headless.ns1.svc.${D}`, type: 'AAAA', want: ['2001:db8::3'] },
  { name: 'headless by its short name', ask: 'headless', want: ['10.0.0.1', '10.0.0.3'] },
  { name: 'a pod of a headless service', ask: `h1.headless.ns1.svc.${D}`, want: 'forward' },
  { name: 'an external service without virtual address', ask: 'no-vip.example.com', want: 'forward' },
  { name: 'a service private to another namespace', ask: 'private.example.com', want: 'forward' },
  { name: 'the preferred namespace wins among foreign ones', ask: 'twice.example.com', want: ['10.10.10.14'] },
  { name: 'the own namespace wins over a canonical service', ask: 'own.example.com', want: ['10.10.10.16'] },
  {
    name: 'a search domain is taken off: ns.svc.domain',
    ask: `www.example.com.ns1.svc.${D}`,
    want: ['10.10.10.3'],
    alias: 'www.example.com',
  },
  { name: 'a search domain is taken off: svc.domain', ask: `www.example.com.svc.${D}`, want: ['10.10.10.3'], alias: 'www.example.com' },
  { name: 'a search domain is taken off: domain', ask: `www.example.com.${D}`, want: ['10.10.10.3'], alias: 'www.example.com' },
  { name: 'the search domain of another namespace is not', ask: `www.example.com.ns9.svc.${D}`, want: 'forward' },
  { name: 'a stripped name is expanded', ask: `echo.ns2.ns1.svc.${D}`, want: ['10.10.10.2'], alias: 'echo.ns2' },
  { name: 'a wildcard behind a search domain has no CNAME', ask: `x.wild.example.com.ns1.svc.${D}`, want: ['10.10.10.4'] },
  { name: 'a search domain behind nothing', ask: D, want: 'forward' },
  { name: 'an address in a name', ask: '10.10.10.1', want: 'forward' },
  { name: 'IPv4 in IPv6 is unwrapped', ask: 'mapped.example.com', want: ['10.10.10.17'] },
  { name: 'MX of a known name', ask: 'www.example.com', type: 'MX', want: 'forward' },
  { name: 'HTTPS record of a known name', ask: 'www.example.com', type: 'UNKNOWN_65', want: 'forward' },
];

describe('look-up', () => {
  let upstream: UpstreamServer;
  let bench: Bench;
  beforeAll(async () => {
    upstream = await startUpstream(({ questions: [q] }) => ({ flags: 3, questions: q === undefined ? [] : [q] }));
    bench = await startBench({ mesh, client, upstreams: [upstream.address], preferredNamespace: 'preferred' });
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  for (const row of rows) {
    for (const transport of transports) {
      test(`${row.name} (${transport})`, async () => {
        const name = row.ask.replace(/\.$/, '');
        const { want } = row;
        const reply = await ask(bench, transport, { questions: [{ name, type: row.type ?? 'A' }] });
        expect(reply.questions[0]?.name).toBe(name);
        expect(reply.flag_ra).toBe(true);
        if (want === 'forward') return expect([reply.rcode, reply.flag_aa]).toEqual(['NXDOMAIN', false]);
        expect([reply.rcode, reply.flag_aa]).toEqual(['NOERROR', true]);
        const [first] = reply.answers;
        const cname = first?.type === 'CNAME' ? first : undefined;
        expect(cname?.data).toBe(row.alias);
        const addresses = reply.answers.slice(cname === undefined ? 0 : 1);
        expect(addresses.map((a) => String(a.data)).sort()).toEqual([...want].sort());
        for (const a of addresses) expect([a.name, a.type, a.ttl]).toEqual([row.alias ?? name, row.type ?? 'A', 30]);
      });
    }
  }
  test('256 records: whole over TCP, cut over UDP', async () => {
    const query: Packet = { questions: [{ name: 'large.example.com', type: 'A' }] };
    const [overTcp, overUdp] = [await ask(bench, 'tcp', query), await ask(bench, 'udp', query)];
    expect([overTcp.flag_tc, overTcp.answers.length]).toEqual([false, 256]);
    expect([overUdp.flag_tc, overUdp.answers.length]).toEqual([true, 29]);
  });
  test('the log names client, question and result', async () => {
    await ask(bench, 'udp', { questions: [{ name: 'www.example.com', type: 'A' }] });
    expect(bench.lines.map((line) => line.split('\t').slice(1).join(' '))).toContain(
      'debug dns DNS query src.workload="client" src.namespace="ns1" query="A" domain="www.example.com" result="success" endpoints=1',
    );
    await ask(bench, 'udp', { questions: [{ name: 'nowhere', type: 'TXT' }] });
    expect(bench.lines.at(-1)).toContain('query="TXT" domain="nowhere" result="forwarding failed (no such name)" endpoints=0');
  });
});

describe('when IPv6 is off', () => {
  test('AAAA of a known name is empty', async () => {
    await using bench = await startBench({ mesh, client, ipv6: false });
    const reply = await ask(bench, 'udp', { questions: [{ name: 'echo', type: 'AAAA' }] });
    expect([reply.rcode, reply.flag_aa, reply.answers]).toEqual(['NOERROR', true, []]);
  });
});

describe('forwarding', () => {
  const question = { name: 'example.org', type: 'A' };
  const records: Packet = {
    flags: packet.AUTHORITATIVE_ANSWER,
    answers: [{ type: 'A', name: 'example.org', ttl: 5, data: '192.0.2.1' }],
    additionals: [{ type: 'TXT', name: 'example.org', ttl: 5, data: 'x' }],
  };
  for (const transport of transports) {
    test(`answers and additionals come through, AA does not (${transport})`, async () => {
      await using upstream = await startUpstream(() => records);
      await using bench = await startBench({ mesh, client, upstreams: [upstream.address] });
      const reply = await ask(bench, transport, { questions: [question] });
      expect([reply.id, reply.flag_aa, reply.flag_ra]).toEqual([4_711, false, true]);
      expect(reply.answers).toMatchObject([{ data: '192.0.2.1', ttl: 5 }]);
      expect(reply.additionals).toMatchObject([{ type: 'TXT' }]);
      expect(upstream.asked).toEqual(['udp']);
    });
  }
  test('a cut answer is fetched again over TCP for a client on TCP, and passed on to one on UDP', async () => {
    await using upstream = await startUpstream((_, transport) => (transport === 'udp' ? { flags: packet.TRUNCATED_RESPONSE } : records));
    await using bench = await startBench({ mesh, client, upstreams: [upstream.address] });
    const [overTcp, overUdp] = [await ask(bench, 'tcp', { questions: [question] }), await ask(bench, 'udp', { questions: [question] })];
    expect([overTcp.flag_tc, overTcp.answers.length]).toEqual([false, 1]);
    expect([overUdp.flag_tc, overUdp.answers.length]).toEqual([true, 0]);
    expect(upstream.asked).toEqual(['udp', 'tcp', 'udp']);
  });
  test('an answer with a wrong id or question is not taken', async () => {
    await using upstream = await startUpstream((query) =>
      packet.encode({ type: 'response', id: query.id ^ 1, questions: query.questions }),
    );
    await using bench = await startBench({ mesh, client, upstreams: [upstream.address], timeoutS: 0.05 });
    expect((await ask(bench, 'udp', { questions: [question] })).rcode).toBe('SERVFAIL');
  });
  test('a server that refuses or is not there is passed over', async () => {
    await using refuses = await startUpstream(() => ({ flags: rcodes.refused }));
    await using upstream = await startUpstream(() => records);
    const nobody = { ip: ip('127.0.0.1'), port: 1 };
    const unreachable = { ip: ip('255.255.255.255'), port: 53 };
    await using bench = await startBench({ mesh, client, upstreams: [unreachable, nobody, refuses.address, upstream.address] });
    expect((await ask(bench, 'udp', { questions: [question] })).answers).toHaveLength(1);
  });
  test('when all refuse, the client gets their code; when none answers, SERVFAIL', async () => {
    await using refuses = await startUpstream(() => ({ flags: rcodes.refused }));
    await using bench = await startBench({ mesh, client, upstreams: [refuses.address] });
    expect((await ask(bench, 'udp', { questions: [question] })).rcode).toBe('REFUSED');
    await using alone = await startBench({
      mesh,
      client,
      upstreams: [
        { ip: ip('255.255.255.255'), port: 53 },
        { ip: ip('127.0.0.1'), port: 1 },
      ],
    });
    expect((await ask(alone, 'tcp', { questions: [question] })).rcode).toBe('SERVFAIL');
  });
  test('an unknown pod gets SERVFAIL, and is counted', async () => {
    await using bench = await startBench({ mesh, client: undefined });
    expect((await ask(bench, 'udp', { questions: [question] })).rcode).toBe('SERVFAIL');
    expect(await bench.metrics.text()).toContain(
      'istio_dns_requests_total{request_query_type="a",request_protocol="udp",source_canonical_service="unknown",source_canonical_revision="unknown"} 1',
    );
  });
  test('each query is counted once, upstream requests and failures apart', async () => {
    await using upstream = await startUpstream(({ questions: [q] }) => (q?.name === 'bad' ? { flags: 3 } : records));
    await using bench = await startBench({ mesh, client, upstreams: [upstream.address] });
    for (const name of ['echo', 'example.org', 'bad']) await ask(bench, 'tcp', { questions: [{ name, type: 'A' }] });
    const text = await bench.metrics.text();
    const labels = '{request_query_type="a",request_protocol="tcp",source_canonical_service="app",source_canonical_revision="v1"}';
    expect(text).toContain(`istio_dns_requests_total${labels} 3`);
    expect(text).toContain(`istio_dns_upstream_requests_total${labels} 2`);
    expect(text).toContain(`istio_dns_upstream_failures_total${labels} 1`);
    expect(text).toMatch(/istio_dns_upstream_request_duration_seconds_count\{.*\} 2/);
  });
});

describe('bounds', () => {
  test('garbage over UDP is ignored and the next query answered', async () => {
    await using bench = await startBench({ mesh, client });
    const socket = createSocket('udp4');
    for (const size of [0, 1, 11, 600, 5_000]) socket.send(Buffer.alloc(size, 0xff), bench.address.udp, '127.0.0.1');
    expect((await ask(bench, 'udp', { questions: [{ name: 'echo', type: 'A' }] })).answers).toHaveLength(1);
    socket.close();
  });
  const closed: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['a message that is too long', Buffer.concat([Buffer.of(0x20, 0), Buffer.alloc(0x2000)])],
    ['a message shorter than a header', Buffer.of(0, 3, 1, 2, 3)],
  ];
  for (const [name, bytes] of closed) {
    test(`TCP: ${name} closes the connection`, async () => {
      await using bench = await startBench({ mesh, client });
      const socket = connect(bench.address.tcp, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(bytes);
      await once(socket, 'close');
    });
  }
  test('TCP: many queries in one write, and bytes that arrive one by one, are all answered', async () => {
    await using bench = await startBench({ mesh, client });
    const one = packet.encode({ type: 'query', id: 9, questions: [{ name: 'echo', type: 'A' }] });
    const framedQuery = Buffer.concat([Buffer.of(0, one.length), one]);
    const socket = connect({ port: bench.address.tcp, host: '127.0.0.1', noDelay: true });
    socket.write(Buffer.concat(Array<Buffer>(100).fill(framedQuery)));
    for (const byte of framedQuery) socket.write(Buffer.of(byte));
    socket.end();
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(101 * (2 + one.length + 16));
  });
});

describe('stopping', () => {
  test('a graceful drain finishes the query in progress, then closes', async () => {
    const arrived = Promise.withResolvers<void>();
    await using upstream = await startUpstream(() => {
      arrived.resolve();
      return undefined;
    });
    await using bench = await startBench({ mesh, client, upstreams: [upstream.address], attempts: 1, timeoutS: 0.2 });
    const answered = ask(bench, 'udp', { questions: [{ name: 'example.org', type: 'A' }] });
    await arrived.promise;
    bench.drain.start('graceful');
    expect((await answered).rcode).toBe('SERVFAIL');
    await bench.drain.drained();
  });
  test('queries that lie in the socket when the drain starts are answered', async () => {
    await using bench = await startBench({ mesh, client });
    const socket = createSocket('udp4');
    let answers = 0;
    socket.on('message', () => (answers += 1));
    socket.connect(bench.address.udp, '127.0.0.1');
    await once(socket, 'connect');
    const query = packet.encode({ type: 'query', questions: [{ name: 'echo', type: 'A' }] });
    for (let i = 0; i < 50; i++) socket.send(query);
    bench.drain.start('graceful');
    await bench.drain.drained();
    await vi.waitFor(() => expect(answers).toBe(50));
    socket.close();
  });
  test('a removed pod stops at once', async () => {
    const arrived = Promise.withResolvers<void>();
    await using upstream = await startUpstream(() => {
      arrived.resolve();
      return undefined;
    });
    await using bench = await startBench({ mesh, client, upstreams: [upstream.address] });
    const socket = connect(bench.address.tcp, '127.0.0.1');
    socket.on('error', () => {});
    const query = packet.encode({ type: 'query', questions: [{ name: 'example.org', type: 'A' }] });
    socket.write(Buffer.concat([Buffer.of(0, query.length), query]));
    await arrived.promise;
    bench.drain.start('immediate');
    await Promise.all([bench.drain.drained(), once(socket, 'close')]);
    await vi.waitFor(() => expect(socket.destroyed).toBe(true));
  });
});
