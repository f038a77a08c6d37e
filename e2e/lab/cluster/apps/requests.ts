// Run by `kubectl exec` in any pod: makes the requests that it reads from standard input, and prints what came of each.
// One process for many, because each `exec` costs a tenth of a second. Orders go one after the other; within one as many at a time as it says.
import { randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { frame, unframe } from './grpc-frame.ts';
import type { RequestOrder, RequestResult, SeenRequest } from './request-protocol.ts';

const linesOf = (raw: readonly string[]): (readonly [string, string])[] =>
  Array.from({ length: raw.length / 2 }, (_, at) => [(raw[at * 2] ?? '').toLowerCase(), raw[at * 2 + 1] ?? ''] as const);

function seenIn(body: string): { readonly seen?: SeenRequest; readonly body?: string } {
  try {
    return { seen: JSON.parse(body) as SeenRequest };
  } catch {
    return { body };
  }
}

function http(order: RequestOrder, agent: Agent | false): Promise<RequestResult> {
  const url = new URL(order.url);
  const { promise, resolve, reject } = Promise.withResolvers<RequestResult>();
  const rawHeaders = ['host', url.host, ...(order.headers ?? []).flat()].filter(
    (_, at, all) => at > 1 || !(order.headers ?? []).some(([name]) => name.toLowerCase() === 'host') || all.length === 0,
  );
  const headers = order.body === undefined ? rawHeaders : [...rawHeaders, 'content-length', String(Buffer.byteLength(order.body))];
  const asked = requestHttp({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || 80,
    path: `${url.pathname}${url.search}`,
    method: order.method ?? 'GET',
    agent,
    headers,
  });
  asked.on('error', reject);
  asked.on('response', (answer: IncomingMessage) => {
    text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, headers: linesOf(answer.rawHeaders), ...seenIn(body) }), reject);
  });
  asked.end(order.body);
  return promise;
}

function websocket(order: RequestOrder): Promise<RequestResult> {
  const url = new URL(order.url);
  const { promise, resolve, reject } = Promise.withResolvers<RequestResult>();
  const asked = requestHttp({
    host: url.hostname,
    port: url.port || 80,
    path: `${url.pathname}${url.search}`,
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    },
    agent: false,
  });
  asked.on('error', reject);
  asked.on('response', (answer) => resolve({ status: answer.statusCode ?? 0, error: 'no upgrade' }));
  asked.on('upgrade', (answer, socket) => {
    const sent = randomBytes(100);
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      got.push(chunk);
      if (Buffer.concat(got).length < sent.length) return;
      socket.destroy();
      resolve({ status: 101, headers: linesOf(answer.rawHeaders), body: Buffer.concat(got).equals(sent) ? 'echoed' : 'mangled' });
    });
    socket.write(sent);
  });
  asked.end();
  return promise;
}

function http2(order: RequestOrder, session: ClientHttp2Session): Promise<RequestResult> {
  const url = new URL(order.url.replace(/^(grpc|h2c):/, 'http:'));
  const isGrpc = order.url.startsWith('grpc:');
  const { promise, resolve, reject } = Promise.withResolvers<RequestResult>();
  const headers: Record<string, string | string[]> = {
    ':method': order.method ?? (isGrpc ? 'POST' : 'GET'),
    ':path': `${url.pathname}${url.search}`,
    ':authority': url.host,
    ...(isGrpc && { 'content-type': 'application/grpc', te: 'trailers' }),
  };
  for (const [name, value] of order.headers ?? []) headers[name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase()] = value;
  const stream = session.request(headers);
  let status = 0;
  let lines: readonly (readonly [string, string])[] = [];
  let grpcStatus: number | undefined;
  const chunks: Buffer[] = [];
  stream.on('error', reject);
  stream.on('response', (answer, _flags, raw: unknown) => {
    status = Number(answer[':status']);
    lines = linesOf(raw as string[]);
    if (answer['grpc-status'] !== undefined) grpcStatus = Number(answer['grpc-status']);
  });
  stream.on('trailers', (trailers) => {
    grpcStatus = Number(trailers['grpc-status']);
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('close', () => {
    const all = Buffer.concat(chunks);
    const body = isGrpc ? (unframe(all) ?? '') : all.toString();
    if (status === 0) reject(new Error('closed without an answer'));
    else resolve({ status, headers: lines, ...(grpcStatus !== undefined && { grpcStatus }), ...seenIn(body) });
  });
  stream.end(isGrpc ? frame(order.body ?? 'hello') : order.body);
  return promise;
}

/** The pod's name, which is its first line. */
function raw(order: RequestOrder): Promise<RequestResult> {
  const url = new URL(order.url.replace(/^(tcp|tls):/, 'http:'));
  const { promise, resolve, reject } = Promise.withResolvers<RequestResult>();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  const socket: Socket = order.url.startsWith('tls:')
    ? connectTls({
        host,
        port,
        ...(order.sni !== undefined && { servername: order.sni }),
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
      })
    : connectTcp({ host, port });
  let got = '';
  socket.on('error', reject);
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString();
    if (!got.includes('\n')) return;
    socket.destroy();
    resolve({ status: 200, body: got.trim() });
  });
  socket.on('close', () => reject(new Error('closed without an answer')));
  if (order.url.startsWith('tcp:') && order.body === '') return promise;
  socket.write(order.url.startsWith('tls:') ? `GET / HTTP/1.1\r\nhost: ${order.sni ?? host}\r\nconnection: close\r\n\r\n` : 'hello\n');
  return promise;
}

async function within(timeoutMs: number, run: () => Promise<RequestResult>): Promise<RequestResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<RequestResult>((resolve) => {
    timer = setTimeout(() => resolve({ error: `nothing within ${timeoutMs} ms` }), timeoutMs);
  });
  try {
    return await Promise.race([run(), late]);
  } catch (e) {
    return { error: e instanceof Error ? ((e as NodeJS.ErrnoException).code ?? e.message) : String(e) };
  } finally {
    clearTimeout(timer);
  }
}

async function carryOut(order: RequestOrder): Promise<readonly RequestResult[]> {
  const { url, count = 1, parallel = 1, timeoutMs = 5_000 } = order;
  using cleanup = new DisposableStack();
  const agent = order.keepAlive ? new Agent({ keepAlive: true }) : false;
  if (agent !== false) cleanup.defer(() => agent.destroy());
  let session: ClientHttp2Session | undefined;
  cleanup.defer(() => session?.destroy());
  const one = (): Promise<RequestResult> => {
    if (url.startsWith('http:')) return http(order, agent);
    if (url.startsWith('ws:')) return websocket(order);
    if (url.startsWith('tcp:') || url.startsWith('tls:')) return raw(order);
    if (session === undefined || session.destroyed || session.closed) {
      session = connectHttp2(new URL(url.replace(/^(grpc|h2c):/, 'http:')).origin);
      session.on('error', () => {});
    }
    return http2(order, session);
  };
  const results: RequestResult[] = [];
  const turns = Array.from({ length: count }).values();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const _turn of turns) results.push(await within(timeoutMs, one));
    }),
  );
  return results;
}

const orders = JSON.parse(await text(process.stdin)) as readonly RequestOrder[];
const results: (readonly RequestResult[])[] = [];
for (const order of orders) results.push(await carryOut(order));
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
