// A pod's DNS proxy on loopback with real sockets, an upstream server under the test's control, and a client.
// Used by the tests of this folder; every part closes with the returned disposable.
// Uses ports that the kernel chooses, and no clock but the machine's.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { dialSocket, listenTcp, udpSocket } from '@ambient-mesh/host/sockets';
import type { SocketAddress } from '@ambient-mesh/model/address';
import type { Mesh } from '@ambient-mesh/model/mesh';
import { ip } from '@ambient-mesh/model/testing';
import type { Workload } from '@ambient-mesh/model/workload';
import { Drain } from '@ambient-mesh/runtime/drain';
import { Log } from '@ambient-mesh/runtime/log';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import packet, { type Decoded, type Packet } from 'dns-packet';
import { DnsMetrics } from '../../telemetry/dns-metrics.ts';
import { type AnswerRules, localAnswer } from '../answer.ts';
import { forwarder } from '../forward.ts';
import { framed, type Transport } from '../message.ts';
import { dnsProxy } from '../proxy.ts';
import { serveDns } from '../serve.ts';

const loopback = ip('127.0.0.1');

/** Answers a decoded query; `undefined` stays silent. */
export type Upstream = (query: Decoded, transport: Transport) => Packet | Buffer | undefined;

export interface Bench extends AsyncDisposable {
  readonly address: { readonly udp: number; readonly tcp: number };
  readonly metrics: Metrics;
  readonly lines: readonly string[];
  readonly drain: Drain;
}

export interface BenchOptions extends Partial<Omit<AnswerRules, 'mesh'>> {
  readonly mesh: Mesh;
  /** Undefined: the pod stays unknown. */
  readonly client: Workload | undefined;
  readonly upstreams?: readonly SocketAddress[];
  readonly timeoutS?: number;
  readonly attempts?: number;
}

export async function startBench(options: BenchOptions): Promise<Bench> {
  const lines: string[] = [];
  const log = new Log({ format: 'plain', directives: 'debug', write: (line) => lines.push(line), clock: systemClock }).for('dns');
  const metrics = new Metrics();
  const drain = new Drain({ deadline: ms(1_000), clock: systemClock });
  const rules = { clusterDomain: 'cluster.local', ipv6: true, random: () => 0, ...options };
  const conf = { servers: options.upstreams ?? [], timeoutS: options.timeoutS ?? 5, attempts: options.attempts ?? 2, rotate: false };
  const answer = dnsProxy({
    client: async () => options.client,
    local: (query, client) => localAnswer(rules, query, client),
    forward: forwarder(conf, {
      udp: (family) => udpSocket({ ip: ip(family === 4 ? '0.0.0.0' : '::'), port: 0, reusePort: false }),
      tcp: (family) => dialSocket({ family }),
      clock: systemClock,
      randomId: () => Math.floor(Math.random() * 65_536),
    }),
    metrics: new DnsMetrics(metrics, systemClock),
    log,
  });
  const udp = [{ fd: udpSocket({ ip: loopback, port: 0, reusePort: false }), family: 4 as const }];
  const { fd } = listenTcp({ ip: loopback, port: 0, reusePort: false, transparent: 'off' });
  const serving = serveDns({ udp, tcp: [{ fd, family: 4 }], answer, log, clock: systemClock }, drain);
  return {
    address: { udp: serving.udp[0] ?? 0, tcp: serving.tcp[0] ?? 0 },
    metrics,
    lines,
    drain,
    [Symbol.asyncDispose]: async () => {
      drain.start('immediate');
      await drain.drained();
    },
  };
}

export interface UpstreamServer extends AsyncDisposable {
  readonly address: SocketAddress;
  /** Transports of the queries, in the order in which they came. */
  readonly asked: readonly Transport[];
}

/** One port, UDP and TCP. */
export async function startUpstream(answer: Upstream): Promise<UpstreamServer> {
  const asked: Transport[] = [];
  const reply = (bytes: Buffer, transport: Transport): Buffer | undefined => {
    asked.push(transport);
    const query = packet.decode(bytes);
    const made = answer(query, transport);
    if (made === undefined || Buffer.isBuffer(made)) return made;
    return packet.encode({ type: 'response', id: query.id, questions: query.questions, ...made });
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      const made = reply(data.subarray(2), 'tcp');
      if (made === undefined) socket.destroy();
      else socket.write(framed(made));
    });
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    const made = reply(bytes, 'udp');
    if (made !== undefined) udp.send(made, from.port, from.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    address: { ip: loopback, port },
    asked,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      tcp.close();
    },
  };
}

/** Asks the proxy and waits for its answer. */
export async function ask({ address }: Pick<Bench, 'address'>, transport: Transport, query: Packet): Promise<Decoded> {
  const bytes = packet.encode({ type: 'query', id: 4_711, flags: packet.RECURSION_DESIRED, ...query });
  return packet.decode(await askRaw({ address }, transport, bytes));
}

async function askRaw({ address }: Pick<Bench, 'address'>, transport: Transport, bytes: Buffer): Promise<Buffer> {
  if (transport === 'udp') {
    const socket = createSocket('udp4');
    try {
      socket.send(bytes, address.udp, '127.0.0.1');
      const [reply] = (await once(socket, 'message')) as [Buffer];
      return reply;
    } finally {
      socket.close();
    }
  }
  const socket = connect(address.tcp, '127.0.0.1');
  socket.write(framed(bytes));
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) break;
  }
  return received.subarray(2);
}
