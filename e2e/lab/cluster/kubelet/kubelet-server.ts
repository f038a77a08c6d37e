// What a real API server asks of a kubelet: logs of containers, and streams into pods. HTTPS on loopback, for the API server's certificate only.
// Started by lab-cluster.ts for each node when the API is a real one; the lab's own asks in process (../pod-access.ts).
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClusterKeys } from '../../kubernetes/auth/cluster-keys.ts';
import { internal, resourceNotServed, StatusError } from '../../kubernetes/status-error.ts';
import { type StreamRequest, serveStream } from '../../kubernetes/streaming/serve-stream.ts';
import { logOf } from './container-logs.ts';
import { readLog } from './log-buffer.ts';
import type { PodRun } from './pod-run.ts';
import { PodStreams } from './pod-streams.ts';

export interface KubeletServerOptions {
  readonly keys: ClusterKeys;
  readonly find: (namespace: string, name: string) => PodRun | undefined;
}

interface Path {
  readonly kind: 'containerLogs' | StreamRequest['kind'];
  readonly namespace: string;
  readonly pod: string;
  /** Empty for port-forward. */
  readonly container: string;
  readonly query: URLSearchParams;
}

const kinds: Readonly<Record<string, Path['kind']>> = {
  containerLogs: 'containerLogs',
  exec: 'exec',
  attach: 'attach',
  portForward: 'portforward',
};

export class KubeletServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #find: KubeletServerOptions['find'];
  readonly #sockets = new Set<Duplex>();

  private constructor({ keys, find }: KubeletServerOptions) {
    this.#find = find;
    const { certPem, keyPem } = keys.server;
    const tls = { cert: certPem, key: keyPem, ca: keys.caPem, requestCert: true, rejectUnauthorized: true };
    this.#server = createServer(tls, (request, response) => void this.#logs(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#stream(request, socket, head));
    this.#server.on('tlsClientError', () => {});
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: KubeletServerOptions): Promise<KubeletServer> {
    const server = new KubeletServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** Never rejects. */
  async #logs(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort()).on('error', () => {});
    try {
      const { kind, namespace, pod, container, query } = parsePath(request.url ?? '/');
      if (kind !== 'containerLogs') throw resourceNotServed();
      const isOn = (name: string): boolean => query.get(name) === 'true';
      const number = (name: string): number | undefined => (query.has(name) ? Number(query.get(name)) : undefined);
      const log = logOf(this.#find(namespace, pod), container, isOn('previous'));
      const wish = {
        follow: isOn('follow'),
        timestamps: isOn('timestamps'),
        tailLines: number('tailLines'),
        sinceSeconds: number('sinceSeconds'),
      };
      response.writeHead(200, { 'content-type': 'text/plain' });
      await pipeline(readLog(log, wish, gone.signal), response);
    } catch (e) {
      const { code, message } = asStatus(e);
      if (!response.headersSent) response.writeHead(code).end(message);
    }
  }

  #stream(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      const { kind, namespace, pod, container, query } = parsePath(request.url ?? '/');
      const run = this.#find(namespace, pod);
      if (run === undefined || kind === 'containerLogs') throw resourceNotServed();
      query.set('container', container);
      serveStream({ kind, query, request, socket, head }, new PodStreams(run));
    } catch (e) {
      const { code, message } = asStatus(e);
      socket.end(`HTTP/1.1 ${code} Refused\r\nContent-Length: ${Buffer.byteLength(message)}\r\nConnection: close\r\n\r\n${message}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const asStatus = (e: unknown): StatusError => (e instanceof StatusError ? e : internal(String(e)));

/** `/exec/NAMESPACE/POD/CONTAINER?…` @throws StatusError */
function parsePath(url: string): Path {
  const [path = '', search = ''] = url.split('?', 2);
  const [, first = '', namespace = '', pod = '', container = ''] = path.split('/').map(decodeURIComponent);
  const kind = Object.hasOwn(kinds, first) ? kinds[first] : undefined;
  if (kind === undefined || pod === '') throw resourceNotServed();
  return { kind, namespace, pod, container, query: new URLSearchParams(search) };
}
