// A small HTTP/1.1 server for a process's own pages: admin, metrics, readiness. Routes are a table of exact paths.
// Bounded against whoever can reach it: connections, header size and time; request bodies are thrown away unread.
// What the pages say is the programs' affair.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { describeError, MeshError } from './errors.ts';
import { chooseCoding, compress } from './http/compression.ts';
import { ms, systemClock } from './time.ts';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Address of the client, as the kernel prints it (IPv4 may be mapped); empty when it has gone already. */
  readonly from: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Content-Type. Default `text/plain; charset=utf-8`. */
  readonly type?: string;
  /** More of them, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface Route {
  readonly path: string;
  /** Default: any method. */
  readonly methods?: readonly string[];
  /** Text of the 405 answer to other methods. */
  readonly otherwise?: string;
  /** Compress as the client asks. Default false. */
  readonly compress?: boolean;
  /** What it throws becomes a 500 with the error's text. */
  readonly handler: (request: Request) => Reply | Promise<Reply>;
}

export interface ListenAddress {
  readonly ip: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Go without it when the machine lacks this address (`::1` without IPv6). */
  readonly optional?: boolean;
}

export interface HttpOptions {
  readonly listen: readonly ListenAddress[];
  readonly routes: readonly Route[];
  /** Connections at once per address; more are closed unanswered. Default 100. */
  readonly maxConnections?: number;
}

export interface HttpServer extends AsyncDisposable {
  /** Where it really listens, in the order asked for. */
  readonly addresses: readonly { readonly ip: string; readonly port: number }[];
  /** Closes listeners at once, lets answers under way finish for at most 2 s. */
  close(): Promise<void>;
}

export type HttpFault = { readonly code: 'http.port-taken' | 'http.listen-failed'; readonly ip: string; readonly port: number };

const headersTimeoutMs = 2_000;
const maxHeaderSize = 8_192;
const closeGrace = ms(2_000);

/** Listens on every address, or throws (port taken, no such address) with none left open. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const routes = new Map(options.routes.map((route) => [route.path, route]));
  await using started = new AsyncDisposableStack();
  const addresses: { ip: string; port: number }[] = [];
  for (const wanted of options.listen) {
    const server = createServer(
      { headersTimeout: headersTimeoutMs, requestTimeout: 10_000, connectionsCheckingInterval: 500, maxHeaderSize },
      (request, response) => {
        void answer(routes, request, response);
      },
    );
    server.maxConnections = options.maxConnections ?? 100;
    const port = await listen(server, wanted);
    if (port === undefined) continue;
    started.defer(() => stop(server));
    addresses.push({ ip: wanted.ip, port });
  }
  const servers = started.move();
  const close = (): Promise<void> => servers.disposeAsync();
  return { addresses, close, [Symbol.asyncDispose]: close };
}

/** The port; undefined if the address is optional and not there. */
async function listen(server: Server, { ip, port, optional }: ListenAddress): Promise<number | undefined> {
  try {
    server.listen({ host: ip, port });
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (optional && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return undefined;
    if (code === 'EADDRINUSE')
      throw new MeshError<HttpFault>(
        { code: 'http.port-taken', ip, port },
        `Port ${port} on ${ip} is already taken by another process.`,
        error,
      );
    throw new MeshError<HttpFault>({ code: 'http.listen-failed', ip, port }, `Cannot listen on port ${port} of ${ip}`, error);
  }
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}

/** Node stops watching for time-outs when a server closes, so a client that never finishes its request is cut off here. */
async function stop(server: Server): Promise<void> {
  using _cutOff = systemClock.after(closeGrace, () => server.closeAllConnections());
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

/** Never rejects: an answer that cannot be sent (client gone, impossible header) closes the connection. */
async function answer(routes: ReadonlyMap<string, Route>, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await send(routes, incoming, response);
  } catch {
    response.destroy();
  }
}

async function send(routes: ReadonlyMap<string, Route>, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort(new Error('client went away')));
  incoming.resume();
  const { route, path, query } = find(routes, incoming.url ?? '/');
  const method = incoming.method ?? 'GET';
  const reply = await replyTo(route, {
    method,
    path,
    query,
    headers: incoming.headers,
    from: incoming.socket.remoteAddress ?? '',
    signal: gone.signal,
  });
  const plain = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
  const coding = route?.compress ? chooseCoding(String(incoming.headers['accept-encoding'] ?? '')) : undefined;
  const body = coding === undefined ? plain : await compress(coding, plain);
  response.writeHead(reply.status ?? 200, {
    ...reply.headers,
    'content-type': reply.type ?? 'text/plain; charset=utf-8',
    'content-length': body.length,
    ...(route?.compress ? { vary: 'accept-encoding' } : {}),
    ...(coding === undefined ? {} : { 'content-encoding': coding }),
  });
  response.end(body);
}

async function replyTo(route: Route | undefined, request: Request): Promise<Reply> {
  if (route === undefined) return { status: 404, body: 'Not Found\n' };
  const { methods } = route;
  if (methods !== undefined && !methods.includes(request.method))
    return { status: 405, body: route.otherwise ?? `Method Not Allowed; use ${methods.join(' or ')}\n` };
  try {
    return await route.handler(request);
  } catch (error) {
    return { status: 500, body: `${describeError(error)}\n` };
  }
}

/** Splits the target by hand: it may be anything a client sends, and must not throw. */
function find(routes: ReadonlyMap<string, Route>, target: string): { route: Route | undefined; path: string; query: URLSearchParams } {
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  return { route: routes.get(path), path, query: new URLSearchParams(cut < 0 ? '' : target.slice(cut + 1)) };
}
