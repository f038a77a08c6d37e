// The agent's end of the two sockets in its run directory: questions of the plugin, and the lines of its log.
// Started by app.ts before the plugin is installed. What to answer is its ports' affair; the plugin's end is ask-agent.ts and log-lines.ts.
import { once } from 'node:events';
import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import {
  type AddRequest,
  type AddVerdict,
  type CheckRequest,
  type CheckVerdict,
  eventSocket,
  logSocket,
  type PluginLine,
  readLines,
  readRequest,
  writeVerdict,
} from './event.ts';

export interface PluginPorts {
  /** Resolves once the pod may start. What it throws is shown to the user, in the events of the pod. The signal aborts when nobody waits any more. */
  add(request: AddRequest, signal: AbortSignal): Promise<AddVerdict>;
  check(request: CheckRequest, signal: AbortSignal): Promise<CheckVerdict>;
  log(line: PluginLine): void;
  /** HTTP status of each answer to `add`, refused payloads included. */
  answered(code: number): void;
  /** For how long answers under way may take to leave when we stop. */
  readonly clock: Clock;
}

export interface PluginFault {
  readonly code: 'plugin.listen-failed';
  readonly path: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

type Handler = (body: string, signal: AbortSignal) => Promise<Answer>;

const longestBodyBytes = 64 * 1024;
/** For each socket; a node has a few hundred pods. */
const mostConnections = 1_024;
const closeGrace = ms(1_000);
const stopping = new Error('the node agent is stopping');

export class PluginServer implements AsyncDisposable {
  readonly #ports: PluginPorts;
  readonly #stop = new AbortController();
  readonly #sockets = new AsyncDisposableStack();

  private constructor(ports: PluginPorts) {
    this.#ports = ports;
  }

  /** Makes the folder and takes the place of whoever listened in it before. @throws MeshError of PluginFault */
  static async listen(folder: string, ports: PluginPorts): Promise<PluginServer> {
    const server = new PluginServer(ports);
    try {
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o750);
      await server.#listen(join(folder, eventSocket), {
        '/cmdadd': (body, signal) => server.#add(body, signal),
        '/check': (body, signal) => verdictOf(readRequest(body), (request) => ports.check(request, signal)),
      });
      await server.#listen(join(folder, logSocket), { '/log': async (body) => server.#log(body) });
      return server;
    } catch (e) {
      await server[Symbol.asyncDispose]();
      throw new MeshError<PluginFault>({ code: 'plugin.listen-failed', path: folder }, `Cannot listen for the CNI plugin in ${folder}`, e);
    }
  }

  /** Requests under way are aborted. Whoever has replaced our sockets keeps theirs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(stopping);
    await this.#sockets.disposeAsync();
  }

  async #listen(path: string, routes: Readonly<Record<string, Handler>>): Promise<void> {
    const limits = { headersTimeout: 2_000, requestTimeout: 5_000, connectionsCheckingInterval: 500 };
    const server = createServer(limits, (request, response) => void this.#answer(routes, request, response));
    server.maxConnections = mostConnections;
    this.#sockets.defer(() => close(server, this.#ports.clock));
    const removal = await bind(server, path);
    this.#sockets.defer(removal);
  }

  /** Never rejects: an answer that cannot be sent closes the connection. */
  async #answer(routes: Readonly<Record<string, Handler>>, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort(new Error('the plugin went away')));
    response.on('error', () => {});
    try {
      const { status, text } = await this.#reply(routes, request, AbortSignal.any([gone.signal, this.#stop.signal]));
      const type = status === 200 ? 'application/json' : 'text/plain; charset=utf-8';
      response.writeHead(status, { 'content-type': type, ...(status === 413 && { connection: 'close' }) }).end(text);
    } catch {
      response.destroy();
    }
  }

  async #reply(routes: Readonly<Record<string, Handler>>, request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    const handler = Object.hasOwn(routes, request.url ?? '') ? routes[request.url ?? ''] : undefined;
    if (handler === undefined) return { status: 404, text: 'Not Found' };
    if (request.method !== 'POST') return { status: 405, text: 'Method Not Allowed; use POST' };
    const body = await readBody(request);
    return body === undefined ? { status: 413, text: `the body is longer than ${longestBodyBytes} bytes` } : handler(body, signal);
  }

  async #add(body: string, signal: AbortSignal): Promise<Answer> {
    const answer = await verdictOf(readRequest(body), (request) => this.#ports.add(request, signal));
    this.#ports.answered(answer.status);
    return answer;
  }

  #log(body: string): Answer {
    const lines = readLines(body);
    if (lines === undefined) return { status: 400, text: 'the body is no JSON array of lines' };
    for (const line of lines) this.#ports.log(line);
    return { status: 200, text: '{}' };
  }
}

async function verdictOf(
  read: ReturnType<typeof readRequest>,
  ask: (request: AddRequest) => Promise<AddVerdict | CheckVerdict>,
): Promise<Answer> {
  if ('mistake' in read) return { status: 400, text: read.mistake };
  try {
    return { status: 200, text: writeVerdict(await ask(read.ok)) };
  } catch (e) {
    return { status: 500, text: describeError(e) };
  }
}

/** Undefined when it is too long. Rejects when it breaks off. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > longestBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Listens under another name first and is then renamed, so that at every moment the path leads to somebody with the right mode, or to nobody.
 * Any process may connect: who may is the folder's affair. Resolves with what removes the socket, if it still is this one.
 */
async function bind(server: Server, path: string): Promise<() => Promise<void>> {
  const temporary = `${path}.${process.pid}`;
  await rm(temporary, { force: true });
  server.listen(temporary);
  await once(server, 'listening');
  await chmod(temporary, 0o666);
  await rename(temporary, path);
  const { ino } = await lstat(path);
  return async () => {
    const now = await lstat(path).catch(() => undefined);
    if (now?.ino === ino) await rm(path, { force: true });
  };
}

async function close(server: Server, clock: Clock): Promise<void> {
  if (!server.listening) return;
  using _cutOff = clock.after(closeGrace, () => server.closeAllConnections());
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
