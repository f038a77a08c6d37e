// Streams into a pod over real sockets: exec and attach over WebSockets and SPDY, port-forwards over SPDY with and without a WebSocket, and without SPDY.
// The pod is this machine; stock kubectl against real pods is in ../../cluster/lab-cluster.test.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KubeClient } from '@ambient-mesh/kube/client';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { eventually } from '../../eventually.ts';
import { badRequest, StatusError } from '../status-error.ts';
import type { CommandOrder, CommandSession, PodPort, TerminalSize } from './pod-port.ts';
import { serveStream } from './serve-stream.ts';
import { SpdyTestClient } from './spdy/test-client.ts';

// A pod that is this machine: commands are run as they are, ports are those of loopback.
const hungUp: string[] = [];
const sizes: TerminalSize[] = [];
function run({ command, stdin, stdout, stderr }: CommandOrder): CommandSession {
  if (command[0] === 'refuse') throw badRequest('no container');
  const pipe = (wanted: boolean) => (wanted ? 'pipe' : 'ignore');
  const child: ChildProcess = spawn(command[0] ?? '', command.slice(1), { stdio: [pipe(stdin), pipe(stdout), pipe(stderr)] });
  return {
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    resize: (size) => void sizes.push(size),
    exitCode: once(child, 'exit').then(([code]) => code ?? 128),
    hangUp: () => {
      hungUp.push(command.join(' '));
      child.kill();
    },
  };
}
const pod: PodPort = { name: 'web', exec: run, attach: run, connect: (port) => connect(port, '127.0.0.1') };

const server = createServer();
const echo = createTcpServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).pipe(socket));
const portOf = (listener: { address(): AddressInfo | string | null }): number => (listener.address() as AddressInfo).port;
let address = '';

beforeAll(async () => {
  server.on('upgrade', (incoming, socket, head) => {
    const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://server');
    const kind = pathname.endsWith('/portforward') ? 'portforward' : pathname === '/attach' ? 'attach' : 'exec';
    socket.on('error', () => {});
    try {
      serveStream({ kind, query, request: incoming, socket, head }, pod);
    } catch (e) {
      socket.end(`HTTP/1.1 ${e instanceof StatusError ? e.code : 500} Refused\r\nConnection: close\r\n\r\n`);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  address = `127.0.0.1:${portOf(server)}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  echo.close();
});

const asked = (command: readonly string[], ...flags: readonly string[]): string =>
  `/exec?${new URLSearchParams([...command.map((word) => ['command', word]), ...flags.map((flag) => [flag, 'true'])])}`;

interface Ended {
  readonly out: Readonly<Record<number, string>>;
  readonly status: { readonly status?: string; readonly details?: { readonly causes?: readonly { readonly message: string }[] } };
}

function collect(socket: WebSocket): Promise<Ended> {
  const out: Record<number, string> = {};
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? -1;
    out[channel] = (out[channel] ?? '') + message.subarray(1).toString();
  });
  return once(socket, 'close').then(() => ({ out, status: JSON.parse(out[3] ?? '{}') }));
}

/** Not open yet: what comes with the answer must not be missed. */
const dial = (path: string, protocol = 'v5.channel.k8s.io'): WebSocket => new WebSocket(`ws://${address}${path}`, [protocol]);

async function open(path: string): Promise<WebSocket> {
  const socket = dial(path);
  await once(socket, 'open');
  return socket;
}

const exitCode = ({ status }: Ended): number => (status.status === 'Success' ? 0 : Number(status.details?.causes?.[0]?.message));

for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
  test(`${protocol}: output, errors and the exit code arrive on their channels`, async () => {
    const socket = dial(asked(['sh', '-c', 'echo out; echo err >&2; exit 3'], 'stdout', 'stderr'), protocol);
    const ended = await collect(socket);
    expect(socket.protocol).toBe(protocol);
    expect([ended.out[1], ended.out[2], exitCode(ended)]).toEqual(['out\n', 'err\n', 3]);
  });
}

test('a closed input channel ends the input', async () => {
  const socket = await open(asked(['md5sum'], 'stdin', 'stdout'));
  const ended = collect(socket);
  for (let i = 0; i < 200; i++) socket.send(Buffer.concat([Buffer.of(0), Buffer.alloc(10_000, 'x')]));
  socket.send(Buffer.of(255, 0));
  expect((await ended).out[1]).toBe(`${(await sum('x', 2_000_000)).trim()}\n`);
});

async function sum(text: string, bytes: number): Promise<string> {
  const child = spawn('md5sum', { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(text.repeat(bytes / text.length));
  const [said] = await once(child.stdout, 'data');
  return String(said);
}

test('all output comes before the status', async () => {
  const ended = await collect(dial(asked(['head', '-c', '5000000', '/dev/zero'], 'stdout')));
  expect([ended.out[1]?.length, exitCode(ended)]).toEqual([5_000_000, 0]);
});

test('sizes of the terminal arrive, in one piece or several', async () => {
  const socket = await open(asked(['cat'], 'stdin', 'stdout', 'tty'));
  const resize = (text: string): void => socket.send(Buffer.concat([Buffer.of(4), Buffer.from(text)]));
  resize('{"Width":80,"Height":24}');
  resize('{"Width":1');
  resize('00,"Height":30}\n{"Width":0,"Height":0}nonsense');
  await eventually(() => (sizes.length >= 2 ? true : undefined), { what: 'two sizes' });
  expect(sizes.splice(0)).toEqual([
    { columns: 80, rows: 24 },
    { columns: 100, rows: 30 },
  ]);
  socket.terminate();
});

test('what cannot be started is told as a status', async () => {
  const ended = await collect(dial(asked(['refuse'], 'stdout')));
  expect(ended.status).toMatchObject({ status: 'Failure', message: 'no container', code: 400 });
});

test('a client that goes away ends the command', async () => {
  const socket = await open(asked(['sleep', '1234'], 'stdout'));
  socket.terminate();
  await eventually(() => (hungUp.includes('sleep 1234') ? true : undefined), { what: 'the end of the command' });
});

const refusals: readonly (readonly [name: string, headers: Record<string, string>])[] = [
  ['an unknown kind of stream', { upgrade: 'h2c' }],
  ['an unknown SPDY protocol', { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v1' }],
];
for (const [name, headers] of refusals)
  test(`${name} is refused over plain HTTP`, async () => {
    const asking = request({
      host: '127.0.0.1',
      port: portOf(server),
      path: '/exec',
      headers: { connection: 'Upgrade', ...headers },
    }).end();
    const [answer] = await once(asking, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(400);
  });

async function spdy(path: string, protocol: string): Promise<SpdyTestClient> {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
  const asking = request({ host: '127.0.0.1', port: portOf(server), method: 'POST', path, headers }).end();
  const [answer, socket] = (await once(asking, 'upgrade')) as [{ headers: Record<string, string> }, Duplex];
  expect(answer.headers['x-stream-protocol-version']).toBe(protocol.split(',')[0]);
  return new SpdyTestClient(socket);
}

const is = (probe: () => boolean, what: string) => eventually(() => (probe() ? true : undefined), { what });

test('SPDY: a command with its channels', async () => {
  const client = await spdy(asked(['sh', '-c', 'cat; echo err >&2; exit 4'], 'stdin', 'stdout', 'stderr'), 'v4.channel.k8s.io');
  const error = await client.open({ streamtype: 'error' });
  const stdin = await client.open({ streamtype: 'stdin' });
  const stdout = await client.open({ streamtype: 'stdout' });
  const stderr = await client.open({ streamtype: 'stderr' });
  client.send(stdin, 'hello', true);
  await is(() => client.seen(error).fin, 'the status');
  expect([client.seen(stdout).data, client.seen(stderr).data]).toEqual(['hello', 'err\n']);
  expect(JSON.parse(client.seen(error).data)).toMatchObject({ details: { causes: [{ message: '4' }] } });
  await client.closed();
});

test('SPDY: pings are answered, unknown streams are refused', async () => {
  const client = await spdy(asked(['sleep', '5'], 'stdout'), 'v4.channel.k8s.io');
  client.ping(7);
  const strange = await client.open({ streamtype: 'strange' });
  await is(() => client.pings.includes(7) && client.seen(strange).reset, 'a pong and a reset');
  client.close();
});

const forwards: readonly (readonly [name: string, connect: () => Promise<SpdyTestClient>])[] = [
  ['SPDY', () => spdy('/portforward', 'portforward.k8s.io')],
  [
    'SPDY in a WebSocket',
    async () => {
      // The library refuses the tunnel's name; kubectl does not.
      const socket = new WebSocket(`ws://${address}/portforward`, { headers: { 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' } });
      socket.once('upgrade', (answer) => {
        expect(answer.headers['sec-websocket-protocol']).toBe('SPDY/3.1+portforward.k8s.io');
        delete answer.headers['sec-websocket-protocol'];
      });
      await once(socket, 'open');
      return new SpdyTestClient(createWebSocketStream(socket));
    },
  ],
];

for (const [name, connectTo] of forwards) {
  const pair = async (client: SpdyTestClient, port: number, id: string): Promise<readonly [data: number, error: number]> => {
    const error = await client.open({ streamtype: 'error', port: `${port}`, requestid: id });
    return [await client.open({ streamtype: 'data', port: `${port}`, requestid: id }), error];
  };

  test(`${name}: many connections at once, each with its half-close`, async () => {
    const client = await connectTo();
    const pairs = await Promise.all(Array.from({ length: 20 }, (_, i) => pair(client, portOf(echo), `${i}`)));
    for (const [data] of pairs) {
      client.send(data, `hello ${data} `.repeat(5_000));
      client.send(data, '', true);
    }
    await is(() => pairs.every(([data, error]) => client.seen(data).fin && client.seen(error).fin), 'all echoes');
    expect(pairs.every(([data]) => client.seen(data).data === `hello ${data} `.repeat(5_000))).toBe(true);
    expect(pairs.every(([, error]) => client.seen(error).data === '')).toBe(true);
    client.close();
  });

  test(`${name}: a port where nobody listens is told on the error stream`, async () => {
    const client = await connectTo();
    const closed = createTcpServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const port = portOf(closed);
    closed.close();
    const [, error] = await pair(client, port, '0');
    await is(() => client.seen(error).fin, 'the error');
    expect(client.seen(error).data).toMatch(/error forwarding port \d+ to pod web: .*ECONNREFUSED/);
    client.close();
  });

  test(`${name}: a stream with a bad port is refused`, async () => {
    const client = await connectTo();
    const bad = await client.open({ streamtype: 'data', port: '70000', requestid: '0' });
    await is(() => client.seen(bad).reset, 'a reset');
    client.close();
  });

  test(`${name}: connections end with their client`, async () => {
    const client = await connectTo();
    const [data] = await pair(client, portOf(echo), '0');
    client.send(data, 'x');
    await is(() => client.seen(data).data === 'x', 'an echo');
    client.close();
    await eventually(
      () => new Promise<true | undefined>((resolve) => echo.getConnections((_, count) => resolve(count === 0 ? true : undefined))),
      { what: 'the end of the connection' },
    );
  });
}

// Our own client: a program that asks a pod one thing needs no SPDY.
const forwardTo = async (port: number): Promise<Duplex> => {
  const access = { server: `http://${address}`, namespace: '', credentials: async () => ({ headers: {}, tls: {} }) };
  await using client = new KubeClient(access, { clock: systemClock });
  return await client.portForward({ namespace: 'a', name: 'web' }, port);
};

test('channels of a WebSocket: bytes go both ways, and outlive the client that asked for them', async () => {
  const asked = 'x'.repeat(300_000);
  const answering = createTcpServer((socket) => {
    let seen = 0;
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        seen += chunk.length;
        if (seen === asked.length) socket.end(asked.toUpperCase());
      });
  }).listen(0, '127.0.0.1');
  await once(answering, 'listening');
  const stream = await forwardTo(portOf(answering));
  stream.write(asked);
  expect((await text(stream)) === asked.toUpperCase()).toBe(true);
  answering.close();
});

test('channels of a WebSocket: a port where nobody listens is told', async () => {
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const port = portOf(closed);
  closed.close();
  const broken = async (): Promise<string> => text(await forwardTo(port));
  await expect(broken()).rejects.toThrow(/error forwarding port \d+ to pod web: .*ECONNREFUSED/);
});

test('channels of a WebSocket: a connection ends with its client', async () => {
  const stream = await forwardTo(portOf(echo));
  stream.write('x');
  const [bytes] = (await once(stream, 'data')) as [Buffer];
  expect(bytes.toString()).toBe('x');
  stream.destroy();
  await eventually(
    () => new Promise<true | undefined>((resolve) => echo.getConnections((_, count) => resolve(count === 0 ? true : undefined))),
    { what: 'the end of the connection' },
  );
});
