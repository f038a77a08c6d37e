// Image `ambient-mesh/echo-http`: tells each request what it looked like when it arrived, in JSON, on the ports of request-protocol.ts.
// `VERSION` is part of each answer. What the URL's query asks for is done: delays, statuses, failures that end after some times.
// With `ANSWER=lines` it plays the image `echo-advanced` of the Gateway API's conformance suite, whose answers are in echo-advanced.ts.

import { createHash } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcp, type Server, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTls } from 'node:tls';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { encodeEcho, linesOfAnswer } from './echo-advanced.ts';
import { frame } from './grpc-frame.ts';
import { echoHttpPorts, type SeenRequest } from './request-protocol.ts';

const version = process.env.VERSION ?? '';
const inLines = process.env.ANSWER === 'lines';
const contentType = inLines ? 'text/plain' : 'application/json';
const textOf = (seen: SeenRequest): string => (inLines ? linesOfAnswer(seen, false) : `${JSON.stringify(seen)}\n`);
const messageOf = (seen: SeenRequest): string | Buffer => (inLines ? encodeEcho(linesOfAnswer(seen, true)) : JSON.stringify(seen));
const bare = (address: string | undefined): string => (address ?? 'gone').replace('::ffff:', '');
/** How often a request of an id has come. */
const times = new Map<string, number>();

type Lines = readonly (readonly [string, string])[];

function linesOf(raw: readonly string[]): Lines {
  const lines: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) lines.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '']);
  return lines;
}

interface Asked {
  readonly status: number;
  readonly headers: Lines;
  readonly reset: boolean;
}

/** What the query wants done before an answer. */
async function heed(path: string): Promise<Asked> {
  const query = new URLSearchParams(path.split('?', 2)[1] ?? '');
  const delay = query.get('delay');
  const id = query.get('id') ?? '';
  const before = times.get(id) ?? 0;
  if (id !== '') times.set(id, before + 1);
  const slow = before < Number(query.get('slow') ?? Number.POSITIVE_INFINITY);
  if (delay !== null && slow) await sleep(delay.endsWith('ms') ? Number.parseInt(delay, 10) : Number.parseFloat(delay) * 1_000);
  const only = query.get('only');
  if (only !== null && !hostname().startsWith(`${only}-`)) return { status: 200, headers: [], reset: false };
  const fails = before < Number(query.get('fail') ?? 0);
  const status = query.has('fail') ? (fails ? Number(query.get('code') ?? 500) : 200) : Number(query.get('code') ?? 200);
  const headers = (query.get('headers') ?? '').split(',').flatMap((each) => {
    const [name, value] = each.split(':', 2);
    return name && value !== undefined ? [[name, value] as const] : [];
  });
  return { status, headers, reset: before < Number(query.get('reset') ?? 0) };
}

async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bodyBytes = 0;
  for await (const chunk of request) bodyBytes += (chunk as Buffer).length;
  const path = request.url ?? '/';
  const { status, headers, reset } = await heed(path);
  if (reset) return void request.socket.resetAndDestroy();
  const seen: SeenRequest = {
    pod: hostname(),
    version,
    method: request.method ?? '',
    path,
    host: request.headers.host ?? '',
    proto: 'HTTP/1.1',
    headers: linesOf(request.rawHeaders),
    bodyBytes,
    peer: bare(request.socket.remoteAddress),
  };
  response.writeHead(status, [['content-type', contentType], ...headers].flat());
  response.end(textOf(seen));
}

function onUpgrade(request: IncomingMessage, socket: Socket): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Pod: ${hostname()}\r\n\r\n`,
  );
  // Frames are not taken apart: what comes goes back.
  socket.on('error', () => {}).pipe(socket);
}

async function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): Promise<void> {
  stream.on('error', () => {});
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const path = String(headers[':path'] ?? '/');
  const { status, headers: wanted, reset } = await heed(path);
  if (reset) return stream.close(2);
  const seen: SeenRequest = {
    pod: hostname(),
    version,
    method: String(headers[':method']),
    path,
    host: String(headers[':authority'] ?? headers.host ?? ''),
    proto: 'HTTP/2',
    headers: linesOf(raw).filter(([name]) => !name.startsWith(':')),
    bodyBytes: Buffer.concat(chunks).length,
    peer: bare(stream.session?.socket.remoteAddress),
  };
  if (!String(headers['content-type'] ?? '').startsWith('application/grpc')) {
    stream.respond({ ':status': status, 'content-type': contentType, ...Object.fromEntries(wanted) });
    stream.end(textOf(seen));
    return;
  }
  const code = new URLSearchParams(path.split('?', 2)[1] ?? '').get('grpc') ?? '0';
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code, 'grpc-message': '' }));
  stream.end(frame(messageOf(seen)));
}

const http1 = createHttp((request, response) => void onRequest(request, response).catch(() => response.destroy()));
http1.on('upgrade', onUpgrade);
http1.keepAliveTimeout = 60_000;
const http2: Http2Server = createHttp2();
http2.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
  void onStream(stream, headers, raw).catch(() => stream.destroy());
});

/** HTTP/1.1 and HTTP/2 with prior knowledge on one port: the first octets tell. */
function either(): Server {
  return createTcp((socket) => {
    socket.on('error', () => {});
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (first === null) return void socket.destroy();
      socket.unshift(first);
      (first.toString('latin1', 0, 3) === 'PRI' ? http2 : http1).emit('connection', socket);
    });
  });
}

const credentials = testAuthority().credentials('spiffe://cluster.local/ns/echo/sa/echo');
const tlsOptions = { key: credentials.keyPem, cert: credentials.certChainPem };

either().listen(echoHttpPorts.http);
either().listen(echoHttpPorts.grpc);
createTcp((socket) => {
  socket.on('error', () => {});
  socket.once('data', (bytes) => {
    socket.write(`${hostname()}\n`);
    socket.write(bytes);
    socket.pipe(socket);
  });
}).listen(echoHttpPorts.tcp);
createTcp((socket) => {
  socket.on('error', () => {});
  socket.write(`${hostname()}\n`);
  socket.pipe(socket);
}).listen(echoHttpPorts.greeting);
createTls({ ...tlsOptions, ALPNProtocols: ['http/1.1'] }, (socket) => http1.emit('connection', socket)).listen(echoHttpPorts.https);
process.on('SIGTERM', () => setTimeout(() => process.exit(0), 1_500));
