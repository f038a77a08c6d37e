// HTTP/1.1 from the test process into a namespace: the socket is made there, node:http does the rest.
// Used by ztunnel.ts for its admin, metrics and readiness ports, and for probes.
import { request } from 'node:http';
import { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Netns } from '@ambient-mesh/host/netns';
import { dialSocket } from '@ambient-mesh/host/sockets';

export interface HttpOrder {
  readonly port: number;
  readonly path: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** TLS, whoever the other end says it is. Default false. */
  readonly unverifiedTls?: boolean;
  /** Default: never. */
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const timeoutMs = 5_000;

/** A socket of that namespace, connecting. */
export function dialIn(netns: Netns, host: string, port: number): Socket {
  const fd = dialSocket({ netns, family: host.includes(':') ? 6 : 4 });
  return new Socket({ fd }).connect(port, host);
}

export function httpIn(netns: Netns, order: HttpOrder): Promise<HttpAnswer> {
  const { port, path, host = '127.0.0.1', method = 'GET', headers = {}, unverifiedTls = false, signal } = order;
  const dial = (): Socket => dialIn(netns, host, port);
  return new Promise((resolve, reject) => {
    const asked = request({
      path,
      method,
      headers: { host: `${host}:${port}`, connection: 'close', ...headers },
      createConnection: unverifiedTls ? () => connectTls({ socket: dial(), rejectUnauthorized: false }) : dial,
      ...(signal !== undefined && { signal }),
    });
    asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no HTTP answer within ${timeoutMs} ms from ${host}:${port}${path}`)));
    asked.on('error', reject);
    asked.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('error', reject);
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    asked.end();
  });
}
