// Image `ambient-mesh/echo`: servers of several protocols that say who they are, who asked and how; the ports are in echo-protocol.ts.
// `VERSION` is part of each answer. When asked to end it still serves those who have not heard of it, then stops accepting, finishes and exits;
// all within a second.
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Server, type Socket } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { type EchoAnswer, type EchoProtocol, echoPorts } from './echo-protocol.ts';
import { frame, unframe } from './grpc-frame.ts';

const version = process.env.VERSION ?? '';
/** As long as it takes others to learn that this pod is going. */
const stillAcceptingMs = 600;
const finishingMs = 300;
const mostBodyBytes = 1 << 20;

let isEnding = false;
const sessions = new Set<ServerHttp2Session>();

const bare = (address: string | undefined): string => (address ?? 'gone').replace('::ffff:', '');

interface Seen {
  readonly socket: Pick<Socket, 'remoteAddress' | 'localAddress'> | undefined;
  readonly headers?: IncomingHttpHeaders;
  readonly body: string;
}

function answer(protocol: EchoProtocol, { socket, headers = {}, body }: Seen): string {
  const said: EchoAnswer = {
    pod: hostname(),
    version,
    protocol,
    peer: bare(socket?.remoteAddress),
    local: bare(socket?.localAddress),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    body,
  };
  return `${JSON.stringify(said)}\n`;
}

async function bytesOf(request: IncomingMessage | ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes <= mostBodyBytes) chunks.push(piece);
  }
  return Buffer.concat(chunks);
}

const http1 =
  (protocol: EchoProtocol): RequestListener =>
  (request, response) => {
    const { socket, headers } = request;
    const reply = (body: Buffer): void => {
      if (isEnding) response.setHeader('connection', 'close');
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer(protocol, { socket, headers, body: body.toString() }));
    };
    bytesOf(request).then(reply, () => response.destroy());
  };

async function http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const body = (await bytesOf(stream)).toString();
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(answer('http2', { socket: stream.session?.socket, headers, body }));
}

async function grpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const message = unframe(await bytesOf(stream));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': message === undefined ? '13' : '0' }));
  if (message === undefined) return void stream.end();
  stream.end(frame(answer('grpc', { socket: stream.session?.socket, headers, body: message })));
}

function inClear2(serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>): Server {
  const server = createHttp2();
  server.on('sessionError', () => {});
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    serve(stream, headers).catch(() => stream.destroy());
  });
  return server;
}

function lines(protocol: 'tcp' | 'tcp-server-first'): Server {
  return createTcp({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (protocol === 'tcp-server-first') socket.write(answer(protocol, { socket, body: '' }));
    createInterface({ input: socket })
      .on('line', (body) => void (socket.writable && socket.write(answer(protocol, { socket, body }))))
      .on('close', () => socket.end());
  });
}

function https(): Server {
  const { certChainPem, keyPem } = testAuthority().credentials('spiffe://cluster.local/ns/echo/sa/echo');
  return createHttps({ cert: certChainPem, key: keyPem }, http1('https')).on('tlsClientError', () => {});
}

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((all = []) => all)
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);

const listeners: readonly (readonly [server: Server, port: number, host?: string])[] = [
  [createHttp(http1('http')), echoPorts.http],
  [createHttp(http1('http')), echoPorts['http-localhost'], '127.0.0.1'],
  ...ownAddresses().map((address) => [createHttp(http1('http')), echoPorts['http-instance-ip'], address] as const),
  [inClear2(http2), echoPorts.http2],
  [inClear2(grpc), echoPorts.grpc],
  [https(), echoPorts.https],
  [lines('tcp'), echoPorts.tcp],
  [lines('tcp-server-first'), echoPorts['tcp-server-first']],
];

async function end(): Promise<void> {
  isEnding = true;
  process.stdout.write('asked to end\n');
  await sleep(stillAcceptingMs);
  const closed = listeners.map(([server]) => once(server, 'close'));
  for (const [server] of listeners) server.close();
  for (const session of sessions) session.close();
  await Promise.race([Promise.all(closed), sleep(finishingMs)]);
  process.exit(0);
}
process.once('SIGTERM', () => void end());

for (const [server, port, host] of listeners) {
  server.listen({ port, backlog: 1_024, ...(host !== undefined && { host }) });
  await once(server, 'listening');
}
process.stdout.write('listening\n');
