// A small API server over loopback for tests: objects, history, paging, watches, and every way to misbehave.
// Knows no kinds: whatever a path names is served. The lab has a faithful one (e2e); this one is for being broken.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Access } from '../credentials.ts';
import { objectOf, textOf } from '../raw.ts';
import { type Answer, answer, readBody, statusAnswer } from './answers.ts';
import { Objects, within } from './objects.ts';
import { type PodPorts, servePodPorts } from './pod-ports.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ApiServerOptions {
  /** 0, the default: any. */
  readonly port?: number;
  /** A server that is restarted keeps its objects. */
  readonly objects?: Objects;
  /** Default: plain HTTP. */
  readonly listener?: (handler: Handler) => Server;
  /** What answers at ports of pods. Default: port-forwards are refused. */
  readonly podPorts?: PodPorts;
}

/** Answers a request in the server's place, by returning true. */
export type Interceptor = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

export class ApiServer implements AsyncDisposable {
  readonly objects: Objects;
  /** All requests so far: `GET /api/v1/pods?limit=500`. */
  readonly requests: string[] = [];
  intercept: Interceptor = () => false;
  readonly #server: Server;
  readonly #scheme: string;
  /** What they watch; undefined for those that hear nothing more. */
  readonly #watches = new Map<ServerResponse, string | undefined>();
  readonly #events: Disposable;
  readonly #forwards: Disposable | undefined;

  constructor({ objects = new Objects(), listener, podPorts }: ApiServerOptions) {
    this.objects = objects;
    this.#scheme = listener === undefined ? 'http' : 'https';
    this.#server = (listener ?? createServer)((request, response) => void this.#handle(request, response));
    const heard = ({ method, url }: IncomingMessage): void => void this.requests.push(`${method} ${url}`);
    this.#forwards = podPorts && servePodPorts(this.#server, podPorts, heard);
    this.#events = objects.onEvent((collection, event) => {
      for (const [response, watched] of this.#watches) {
        if (watched !== undefined && within(watched, collection)) response.write(`${JSON.stringify(event)}\n`);
      }
    });
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const api = new ApiServer(options);
    await new Promise<void>((resolve) => api.#server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return api;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** Without any credentials. */
  get access(): Access {
    return { server: this.url, namespace: 'default', credentials: async () => ({ headers: {}, tls: {} }) };
  }

  get watches(): number {
    return this.#watches.size;
  }

  writeToWatches(text: string): void {
    for (const response of this.#watches.keys()) response.write(text);
  }

  /** To those that have heard all there was. */
  bookmark(): void {
    const event = { type: 'BOOKMARK', object: { metadata: { resourceVersion: `${this.objects.version}` } } };
    for (const [response, watched] of this.#watches) if (watched !== undefined) response.write(`${JSON.stringify(event)}\n`);
  }

  /** `cleanly`: as a server does after `timeoutSeconds`; otherwise the connection breaks. */
  endWatches(how: 'cleanly' | 'broken'): void {
    for (const response of this.#watches.keys()) {
      if (how === 'cleanly') response.end();
      else response.destroy();
    }
    this.#watches.clear();
  }

  /** They hear nothing more, but stay open. */
  muteWatches(): void {
    for (const response of this.#watches.keys()) this.#watches.set(response, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#events[Symbol.dispose]();
    this.#forwards?.[Symbol.dispose]();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://server');
    this.requests.push(`${request.method} ${request.url}`);
    if (this.intercept(request, response, url)) return;
    const place = placeOf(url.pathname);
    if (url.searchParams.get('watch') === 'true') this.#watch(place.collection, url, response);
    else if (request.method === 'GET') answer(response, this.#read(place, url));
    else answer(response, this.#write(request.method ?? '', place, await readBody(request)));
  }

  #read({ collection, name }: Place, url: URL): Answer {
    if (name !== undefined) {
      const body = this.objects.get(collection, name);
      return body === undefined ? statusAnswer(404, 'NotFound') : { code: 200, body };
    }
    const page = this.objects.page(collection, Number(url.searchParams.get('limit') ?? 0), url.searchParams.get('continue') ?? '');
    return page === 'expired' ? statusAnswer(410, 'Expired') : { code: 200, body: page };
  }

  #watch(collection: string, url: URL, response: ServerResponse): void {
    const missed = this.objects.since(collection, Number(url.searchParams.get('resourceVersion')));
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (missed === 'expired') {
      response.end(`${JSON.stringify({ type: 'ERROR', object: statusAnswer(410, 'Expired').body })}\n`);
      return;
    }
    for (const event of missed) response.write(`${JSON.stringify(event)}\n`);
    this.#watches.set(response, collection);
    response.on('close', () => this.#watches.delete(response));
  }

  #write(method: string, { collection, name, subresource }: Place, body: unknown): Answer {
    const object = objectOf(body);
    const { resourceVersion, name: given } = objectOf(object.metadata);
    const id = name ?? textOf(given);
    const before = this.objects.get(collection, id);
    if (method === 'POST') {
      return before === undefined ? { code: 201, body: this.objects.put(collection, id, object) } : statusAnswer(409, 'AlreadyExists');
    }
    const creates = method === 'PATCH' && subresource === undefined && object.kind !== undefined;
    if (before === undefined && !creates) return statusAnswer(404, 'NotFound');
    if (method === 'DELETE') return { code: 200, body: this.objects.remove(collection, id) };
    if (resourceVersion !== undefined && resourceVersion !== before?.metadata.resourceVersion) return statusAnswer(409, 'Conflict');
    return { code: 200, body: this.objects.put(collection, id, method === 'PUT' ? object : { ...before, ...object }) };
  }
}

interface Place {
  /** A path: `/api/v1/namespaces/a/pods`. */
  readonly collection: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

function placeOf(path: string): Place {
  const segments = path.split('/').filter((segment) => segment !== '');
  const root = segments[0] === 'api' ? 2 : 3;
  const plural = segments[root] === 'namespaces' && segments.length > root + 2 ? root + 2 : root;
  const name = segments[plural + 1];
  return {
    collection: `/${segments.slice(0, plural + 1).join('/')}`,
    name: name === undefined ? undefined : decodeURIComponent(name),
    subresource: segments[plural + 2],
  };
}
