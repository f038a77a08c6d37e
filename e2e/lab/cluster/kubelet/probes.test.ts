// Probes against servers in a pod's namespace: what each kind takes for well, and where the pod sees them come from.
// Only first verdicts are looked at.
import { spawnSync } from 'node:child_process';
import { createServer as createHttp, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Server } from 'node:net';
import { listenTcp } from '@ambient-mesh/host/sockets';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { anyAddress } from '../../addressing.ts';
import { Lab } from '../../lab.ts';
import type { Node } from '../../node.ts';
import type { PodNetns } from '../../pod.ts';
import type { Probe } from '../objects.ts';
import { keepProbing } from './probes.ts';

const ports = { http: 8080, https: 8443, grpc: 9000, tcp: 9090, silent: 9999, closed: 1 } as const;

const owned = new AsyncDisposableStack();
let node: Node;
let pod: PodNetns;
/** Of the last request. */
let seen: { from?: string | undefined; headers?: IncomingHttpHeaders };

beforeAll(async () => {
  const lab = owned.use(await Lab.start());
  node = await lab.node('node-a');
  pod = node.podNetns();
  owned.defer(() => node.releasePodNetns(pod));
  const { certChainPem, keyPem } = testAuthority().credentials('spiffe://cluster.local/ns/default/sa/probed');
  const http = createHttp((request, response) => {
    seen = { from: request.socket.remoteAddress, headers: request.headers };
    response.writeHead(Number(request.url?.slice(1))).end();
  });
  listen(http, ports.http);
  listen(
    createHttps({ cert: certChainPem, key: keyPem }, (_, response) => response.end()),
    ports.https,
  );
  listen(
    createTcp((socket) => {
      seen = { from: socket.remoteAddress };
      socket.on('error', () => {}).end();
    }),
    ports.tcp,
  );
  listen(
    createTcp((socket) => void socket.on('error', () => {}).resume()),
    ports.silent,
  );
  listen(health(), ports.grpc);
});
afterAll(() => owned.disposeAsync());
beforeEach(() => {
  seen = {};
});

function listen(server: Server | Http2Server, port: number): void {
  const { fd } = listenTcp({ netns: pod.netns, ip: anyAddress, port, reusePort: false, transparent: 'off' });
  server.listen({ fd });
  owned.defer(() => void server.close());
}

/** Says SERVING (1) of itself, NOT_SERVING (2) of `moody`, and knows no other service. */
function health(): Http2Server {
  const answers: Readonly<Record<string, number>> = { '': 1, moody: 2 };
  return createHttp2().on('stream', (stream: ServerHttp2Stream, { ':path': path }: IncomingHttpHeaders) => {
    stream
      .on('error', () => {})
      .once('data', (chunk: Buffer) => {
        const status = path === '/grpc.health.v1.Health/Check' ? answers[chunk.subarray(7).toString()] : undefined;
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status === undefined ? '5' : '0' }));
        stream.end(status === undefined ? undefined : Buffer.from([0, 0, 0, 0, 2, 8, status]));
      });
  });
}

/** The first verdict. */
async function outcome(probe: Probe, podIp: string): Promise<boolean> {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const container = { name: 'app', image: 'app', ports: [{ name: 'web', containerPort: ports.http }] };
  const probing = keepProbing(
    probe,
    { netns: node.netns, podIp, container, exec: async ([command]) => command === 'true' },
    { onResult: resolve, clock: systemClock },
    stop.signal,
  );
  const ok = await promise;
  stop.abort();
  await probing;
  return ok;
}

const http = (path: string, more: object = {}): Probe => ({ httpGet: { port: ports.http, path, ...more } });
const rows: readonly (readonly [rule: string, probe: Probe, want: boolean])[] = [
  ['an HTTP answer below 400 is well', http('/399'), true],
  ['one from 400 is not', http('/400'), false],
  ['a port may be named', http('/200', { port: 'web' }), true],
  ['nobody there is not well', http('/200', { port: ports.closed }), false],
  ['HTTPS does not ask who answers', { httpGet: { port: ports.https, scheme: 'HTTPS' } }, true],
  ['HTTPS is not HTTP', { httpGet: { port: ports.http, path: '/200', scheme: 'HTTPS' } }, false],
  ['silence is not well', { httpGet: { port: ports.silent }, timeoutSeconds: 0.1 }, false],
  ['a TCP port that opens is well', { tcpSocket: { port: ports.tcp } }, true],
  ['one that does not is not', { tcpSocket: { port: ports.closed } }, false],
  ['gRPC: a server that serves is well', { grpc: { port: ports.grpc } }, true],
  ['gRPC: a service that does not serve is not', { grpc: { port: ports.grpc, service: 'moody' } }, false],
  ['gRPC: nor one that is unknown', { grpc: { port: ports.grpc, service: 'unknown' } }, false],
  ['gRPC: nor a server of something else', { grpc: { port: ports.http } }, false],
  ['gRPC: nor nobody', { grpc: { port: ports.closed } }, false],
  ['gRPC: nor silence', { grpc: { port: ports.silent }, timeoutSeconds: 0.1 }, false],
  ['a command decides by how it ends', { exec: { command: ['true'] } }, true],
  ['well or not', { exec: { command: ['false'] } }, false],
];
test.each(rows)('%s', async (_, probe, want) => {
  expect([await outcome(probe, pod.addresses.v4), await outcome(probe, pod.addresses.v6)]).toEqual([want, want]);
});

test('headers are sent as they are given, the host among them', async () => {
  const httpHeaders = [
    { name: 'X-Mood', value: 'good' },
    { name: 'Host', value: 'web.example' },
  ];
  expect(await outcome(http('/200', { httpHeaders }), pod.addresses.v4)).toBe(true);
  expect(seen.headers).toMatchObject({ 'x-mood': 'good', host: 'web.example', 'user-agent': expect.stringContaining('kube-probe') });
});

test.each(['v4', 'v6'] as const)('the pod sees its node ask (%s), and the node sees sockets of root', async (family) => {
  const nft = (args: readonly string[], input = ''): string => {
    const done = node.netns.run(() => spawnSync('nft', args, { input, encoding: 'utf8' }));
    expect([done.status, done.stderr]).toEqual([0, '']);
    return done.stdout;
  };
  nft(
    ['-f', '-'],
    `table inet lab-probed {
      counter asked { }
      chain from-root {
        type filter hook postrouting priority 90;
        meta skuid 0 tcp dport { ${ports.http}, ${ports.tcp} } tcp flags & (syn | ack) == syn counter name asked
      }
    }`,
  );
  using _ = { [Symbol.dispose]: () => void nft(['delete', 'table', 'inet', 'lab-probed']) };
  for (const probe of [http('/200'), { tcpSocket: { port: ports.tcp } }]) {
    expect(await outcome(probe, pod.addresses[family])).toBe(true);
    expect(seen.from?.replace('::ffff:', '')).toBe(node.addresses[family]);
  }
  expect(nft(['list', 'counters', 'table', 'inet', 'lab-probed'])).toContain('packets 2 ');
});
