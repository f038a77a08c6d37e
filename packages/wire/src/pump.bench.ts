// Measures the data path over loopback, each case with one thread a side, next to raw TLS and node:http2 in the same run.
// Run: node packages/wire/src/pump.bench.ts [bulk|relay|opens|idle] [GB]. Prints Gbit/s and CPU seconds per GB of each side.
// Budget: bulk no slower than raw TLS; new streams at least 3 times node:http2; under 8 KB of heap for an idle connection's end.
// Two busy cores, November 2026: bulk 8.8-9.3 Gbit/s (raw TLS 6.6-7.5, node:http2 5.0), receiver 0.4 CPU s/GB (0.65, 0.77).
import { once } from 'node:events';
import { createSecureServer, connect as h2Connect, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp } from '@ambient-mesh/model/address';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { Conduit, Receiver } from './conduit.ts';
import { serverSettings } from './h2/settings.ts';
import type { ConnectRequest } from './hbone/connect-request.ts';
import { ServedTunnel, type TunnelRequest } from './hbone/server.ts';
import { Tunnel } from './hbone/tunnel.ts';
import { Pump } from './pump.ts';
import { ReadMemory } from './read-memory.ts';
import { acceptTcp } from './tcp.ts';
import { connectSocket, connectTcp } from './tcp-dial.ts';
import { connectTls } from './tls/client.ts';
import { TlsAcceptor } from './tls/server.ts';

interface Job {
  readonly side: 'near' | 'far';
  readonly how: 'tls' | 'http2' | 'ours' | 'relay' | 'opens' | 'opens-http2';
  readonly streams: number;
  readonly bytes: number;
  readonly port: number;
  readonly sinkPort: number;
  readonly credentials: Credentials;
}

const never = new AbortController().signal;
const loopback = canonicalIp('127.0.0.1');
const policy = tlsPolicy();
const request: ConnectRequest = {
  authority: '10.0.0.2:80',
  baggage: 'k8s.namespace.name=bench,service.name=x',
  client: { ip: loopback, port: 1 },
  traceparent: '00-0-0-00',
};
const windows = { initialWindowSize: 4 * 1024 * 1024, maxFrameSize: 1024 * 1024 };
const cpuSeconds = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
};

// Far side: takes what comes, and says when it has all.

function counting(total: number, done: () => void): (bytes: number) => void {
  let got = 0;
  return (bytes) => {
    got += bytes;
    if (got >= total) done();
  };
}

function sinkOf(count: (bytes: number) => void): Receiver {
  return {
    data(bytes, slab) {
      count(bytes.length);
      slab?.release();
    },
    end: () => {},
    drained: () => {},
    closed: () => {},
  };
}

async function serveFar(job: Job): Promise<number> {
  const { credentials } = job;
  let began = 0;
  const finished = () => parentPort?.postMessage({ cpu: cpuSeconds() - began });
  const count = counting(job.bytes, finished);
  const start = () => {
    began ||= cpuSeconds();
  };
  if (job.how === 'tls') {
    const server = createTlsServer({ cert: credentials.certChainPem, key: credentials.keyPem }, (socket) => {
      start();
      socket.on('data', (bytes) => count(bytes.length));
    });
    return portOf(server);
  }
  if (job.how === 'http2' || job.how === 'opens-http2') {
    const server = createSecureServer({ cert: credentials.certChainPem, key: credentials.keyPem, settings: windows });
    server.on('session', (session) => session.setLocalWindowSize(16 * 1024 * 1024));
    server.on('stream', (stream: ServerHttp2Stream) => {
      start();
      stream.respond({ ':status': 200 });
      stream.on('error', () => {});
      stream.on('data', (bytes: Buffer) => (job.how === 'opens-http2' ? stream.write(bytes) : count(bytes.length)));
      stream.on('end', () => stream.end());
    });
    return portOf(server);
  }
  const memory = new ReadMemory();
  const onRequest = async (incoming: TunnelRequest) => {
    start();
    if (job.how === 'ours') return incoming.accept([]).receive(sinkOf(count));
    if (job.how === 'opens') return echoEnd(incoming.accept([]));
    const app = await connectTcp({ to: { ip: loopback, port: job.sinkPort }, memory, clock: systemClock }, never);
    new Pump(incoming.accept([]), app, { sent: 0, received: 0 });
  };
  const settings = { ...serverSettings, concurrentStreams: 10_000 };
  const acceptor = new TlsAcceptor({ policy, clock: systemClock });
  const server = createServer({ noDelay: true }, (raw) => {
    void acceptor.accept(raw, { credentials, who: 'near' }, never).then(({ socket, peer }) => {
      new ServedTunnel(socket, peer, { clock: systemClock, memory, settings, onRequest: (r) => void onRequest(r) });
    });
  });
  return portOf(server);
}

function echoEnd(stream: Conduit): void {
  stream.receive({ data: (bytes) => void stream.write(bytes), end: () => stream.end(), drained: () => {}, closed: () => {} });
}

async function portOf(server: import('node:net').Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

// Near side: sends.

async function runNear(job: Job): Promise<void> {
  if (job.how === 'tls') return sendTls(job);
  if (job.how === 'http2') return sendHttp2(job);
  if (job.how === 'opens-http2') return openHttp2(job);
  const raw = await connectSocket({ to: { ip: loopback, port: job.port }, clock: systemClock }, never);
  const handshake = { credentials: job.credentials, policy, expected: [job.credentials.identity], who: 'far', clock: systemClock };
  const { socket, peer } = await connectTls(raw, handshake, never);
  const tunnel = new Tunnel(socket, peer, { clock: systemClock, memory: new ReadMemory() });
  if (job.how === 'ours') return sendOurs(job, tunnel);
  if (job.how === 'opens') return openOurs(job, tunnel);
  return relay(tunnel);
}

function sendTls(job: Job): void {
  const socket = tlsConnect({ port: job.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    const chunk = Buffer.alloc(64 * 1024);
    let left = job.bytes;
    const next = () => {
      if (left <= 0) return;
      left -= chunk.length;
      socket.write(chunk, next);
    };
    next();
    next();
  });
}

function sendHttp2(job: Job): void {
  const session = h2Connect(`https://127.0.0.1:${job.port}`, { rejectUnauthorized: false, settings: windows });
  session.on('connect', () => session.setLocalWindowSize(16 * 1024 * 1024));
  session.once('remoteSettings', () => {
    const chunk = Buffer.alloc(64 * 1024);
    for (let i = 0; i < job.streams; i++) {
      const stream = session.request({ ':method': 'CONNECT', ':authority': request.authority }, { endStream: false });
      let left = job.bytes / job.streams;
      const next = () => {
        if (left <= 0) return;
        left -= chunk.length;
        stream.write(chunk, next);
      };
      stream.on('response', () => {
        next();
        next();
      });
    }
  });
}

async function sendOurs(job: Job, tunnel: Tunnel): Promise<void> {
  const memory = new ReadMemory();
  for (let i = 0; i < job.streams; i++) {
    const stream = await tunnel.connect(request, never);
    let left = job.bytes / job.streams;
    const more = () => {
      while (left > 0) {
        const slab = memory.large();
        left -= slab.room.length;
        if (!stream.write(slab.room, slab)) return;
      }
    };
    stream.receive({ data: () => {}, end: () => {}, closed: () => {}, drained: more });
    more();
  }
}

/** Opens, exchanges one octet and closes, with 96 at a time. */
async function openOurs(job: Job, tunnel: Tunnel): Promise<void> {
  const one = async () => {
    const stream = await tunnel.connect(request, never);
    await new Promise<void>((resolve) => {
      stream.receive({ data: () => stream.end(), end: () => {}, drained: () => {}, closed: () => resolve() });
      stream.write(Buffer.from('x'));
    });
  };
  await rate(job.bytes, one);
}

function openHttp2(job: Job): void {
  const session = h2Connect(`https://127.0.0.1:${job.port}`, { rejectUnauthorized: false, settings: windows });
  session.once('remoteSettings', () => {
    const one = () =>
      new Promise<void>((resolve) => {
        const stream = session.request({ ':method': 'CONNECT', ':authority': request.authority }, { endStream: false });
        stream.on('response', () => stream.write('x'));
        stream.on('data', () => stream.end());
        stream.on('close', resolve);
      });
    void rate(job.bytes, one);
  });
}

async function rate(count: number, one: () => Promise<void>): Promise<void> {
  const began = performance.now();
  let left = count;
  const lane = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: 96 }, lane));
  parentPort?.postMessage({ perSecond: count / ((performance.now() - began) / 1000) });
}

/** A listener whose connections go through the tunnel; the main thread is both client and sink. */
async function relay(tunnel: Tunnel): Promise<void> {
  const memory = new ReadMemory();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (accepted) => {
    const client = acceptTcp(accepted, memory);
    void tunnel.connect(request, never).then((stream) => {
      new Pump(client, stream, { sent: 0, received: 0 });
    });
  });
  parentPort?.postMessage({ port: await portOf(server) });
}

// Main thread: the cases.

interface Report {
  readonly port?: number;
  readonly cpu?: number;
  readonly perSecond?: number;
  readonly heap?: number;
}

async function main(): Promise<void> {
  const authority = testAuthority();
  const credentials = authority.credentials(authority.id('bench', 'bench'));
  const [what = 'all', gb = '4'] = process.argv.slice(2);
  const bytes = Number(gb) * 1e9;
  const base = { credentials, port: 0, sinkPort: 0, bytes };
  if (what === 'all' || what === 'bulk') {
    for (const streams of [1, 4]) for (const how of ['tls', 'http2', 'ours'] as const) await bulk({ ...base, how, streams });
  }
  if (what === 'all' || what === 'relay') for (const streams of [1, 4]) await relayed({ ...base, how: 'relay', streams });
  if (what === 'all' || what === 'opens')
    for (const how of ['opens-http2', 'opens'] as const) await opens({ ...base, how, streams: 1, bytes: 30_000 });
  if (what === 'all' || what === 'idle') await idle({ ...base, how: 'relay', streams: 2_000 });
  process.exit(0);
}

function start(job: Job): { worker: Worker; next: (key: keyof Report) => Promise<number> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  const next = async (key: keyof Report): Promise<number> => {
    for (;;) {
      const [report] = (await once(worker, 'message')) as [Report];
      const value = report[key];
      if (value !== undefined) return value;
    }
  };
  return { worker, next };
}

async function bulk(job: Omit<Job, 'side'>): Promise<void> {
  const far = start({ ...job, side: 'far' });
  const port = await far.next('port');
  const began = performance.now();
  const near = start({ ...job, side: 'near', port });
  const cpu = await far.next('cpu');
  near.worker.postMessage('cpu');
  const sender = await near.next('cpu');
  const seconds = (performance.now() - began) / 1000;
  print(
    `bulk ${job.how}, ${job.streams} streams`,
    `${gbits(job.bytes, seconds)} Gbit/s, CPU s/GB: sender ${perGb(sender, job.bytes)}, receiver ${perGb(cpu, job.bytes)}`,
  );
  await Promise.all([near.worker.terminate(), far.worker.terminate()]);
}

async function relayed(job: Omit<Job, 'side'>): Promise<void> {
  let got = 0;
  const done = Promise.withResolvers<void>();
  const landing = Buffer.alloc(256 * 1024);
  const sink = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    acceptTcp(socket, new ReadMemory()).receive({
      ...sinkOf((bytes) => {
        got += bytes;
        if (got >= job.bytes) done.resolve();
      }),
    });
  });
  const far = start({ ...job, side: 'far', sinkPort: await portOf(sink) });
  const near = start({ ...job, side: 'near', port: await far.next('port') });
  const port = await near.next('port');
  const began = performance.now();
  for (let i = 0; i < job.streams; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    let left = job.bytes / job.streams;
    const next = () => {
      left -= landing.length;
      if (left > 0) socket.write(landing, next);
      else socket.end(landing);
    };
    next();
  }
  await done.promise;
  const seconds = (performance.now() - began) / 1000;
  const cpu = async ({ worker, next }: ReturnType<typeof start>) => {
    worker.postMessage('cpu');
    return perGb(await next('cpu'), job.bytes);
  };
  print(
    `relay TCP-HBONE-TCP, ${job.streams} streams`,
    `${gbits(job.bytes, seconds)} Gbit/s, CPU s/GB: near ${await cpu(near)}, far ${await cpu(far)}`,
  );
  sink.close();
  await Promise.all([near.worker.terminate(), far.worker.terminate()]);
}

async function opens(job: Omit<Job, 'side'>): Promise<void> {
  const far = start({ ...job, side: 'far' });
  const near = start({ ...job, side: 'near', port: await far.next('port') });
  print(`new streams, ${job.how === 'opens' ? 'ours' : 'node:http2'}`, `${Math.round(await near.next('perSecond'))}/s`);
  await Promise.all([near.worker.terminate(), far.worker.terminate()]);
}

/** Connections that have carried a byte each way and then rest: heap of each side, and the process's RSS with both ends and the clients. */
async function idle(job: Omit<Job, 'side'>): Promise<void> {
  const app = createServer({ pauseOnConnect: true }, (socket) => sockets.add(socket));
  const sockets = new Set<unknown>();
  const far = start({ ...job, how: 'relay', side: 'far', sinkPort: await portOf(app) });
  const near = start({ ...job, how: 'relay', side: 'near', port: await far.next('port') });
  const port = await near.next('port');
  const heap = async ({ worker, next }: ReturnType<typeof start>) => {
    worker.postMessage('heap');
    return next('heap');
  };
  const measure = async () => [await heap(near), await heap(far), process.memoryUsage.rss()] as const;
  const connectMore = async (count: number) => {
    const before = sockets.size;
    for (let i = 0; i < count; i++) sockets.add(connect(port, '127.0.0.1').on('error', () => {}));
    while (sockets.size < before + 2 * count) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await connectMore(100);
  const before = await measure();
  // In steps that a listener's backlog can hold.
  for (let i = 0; i < job.streams; i += 100) await connectMore(100);
  const after = await measure();
  const [nearKb, farKb, rssKb] = after.map((bytes, i) => ((bytes - (before[i] ?? 0)) / job.streams / 1024).toFixed(1));
  print(`idle, ${job.streams} connections`, `heap KB each: near ${nearKb}, far ${farKb}; RSS KB each, all four sockets: ${rssKb}`);
  await Promise.all([near.worker.terminate(), far.worker.terminate()]);
}

const gbits = (bytes: number, seconds: number): string => ((bytes * 8) / seconds / 1e9).toFixed(2);
const perGb = (cpu: number, bytes: number): string => ((cpu / bytes) * 1e9).toFixed(2);
const print = (name: string, figures: string): void => void process.stdout.write(`${name.padEnd(40)} ${figures}\n`);

if (!isMainThread) {
  const job = workerData as Job;
  parentPort?.on('message', (text: string) => {
    if (text === 'cpu') parentPort?.postMessage({ cpu: cpuSeconds() });
    if (text !== 'heap') return;
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    const { heapUsed, external } = process.memoryUsage();
    parentPort?.postMessage({ heap: heapUsed + external });
  });
  if (job.side === 'far') parentPort?.postMessage({ port: await serveFar(job) });
  else await runNear(job);
} else await main();
