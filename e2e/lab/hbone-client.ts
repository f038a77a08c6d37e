// An HBONE client on node:http2, in the test process, with any certificate and any request: what a stranger or an attacker would send.
// The socket is made inside the namespace that it should come from.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as tlsConnect } from 'node:tls';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { dialIn } from './http.ts';

export interface HboneOrder {
  readonly netns: Netns;
  /** IP of the pod; the port is 15008. */
  readonly to: string;
  readonly authority: string;
  /** Absent: no client certificate. */
  readonly credentials?: Credentials;
  readonly rootsPem: readonly string[];
  /** Default CONNECT. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HboneAnswer extends AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Sends text and resolves with the next `bytes` bytes, or with what came until the end. */
  exchange(text: string, bytes: number): Promise<string>;
}

const timeoutMs = 5_000;

/** Rejects when the handshake or the connection fails, with the error that node gives. */
export async function hboneRequest(order: HboneOrder): Promise<HboneAnswer> {
  const session = await openSession(order);
  const path = order.method === undefined ? {} : { ':path': '/', ':scheme': 'https' };
  const stream = session.request(
    { ':method': 'CONNECT', ...(order.method && { ':method': order.method }), ':authority': order.authority, ...path, ...order.headers },
    { endStream: false },
  );
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    session.once('close', () => reject(new Error('the session ended without an answer')));
    setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs).unref();
  });
  stream.on('error', () => {});
  return {
    status: Number(headers[':status']),
    headers,
    exchange: (text, bytes) => exchange(stream, text, bytes),
    async [Symbol.asyncDispose]() {
      stream.destroy();
      session.destroy();
    },
  };
}

export async function openSession({
  netns,
  to,
  credentials,
  rootsPem,
}: Pick<HboneOrder, 'netns' | 'to' | 'credentials' | 'rootsPem'>): Promise<ClientHttp2Session> {
  const secure = tlsConnect({
    socket: dialIn(netns, to, 15008),
    ca: [...rootsPem],
    ALPNProtocols: ['h2'],
    // Which identity the pod shows is the business of its ztunnel's tests; here the chain is enough.
    checkServerIdentity: () => undefined,
    ...(credentials && { cert: credentials.certChainPem, key: credentials.keyPem }),
  });
  const session = connect(`https://${to}:15008`, { createConnection: () => secure });
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve());
    session.once('error', reject);
    // A server that refuses the certificate ends the socket; the session itself may never say a word about it.
    secure.once('error', reject);
    secure.once('close', () => reject(new Error('closed during the handshake')));
  });
  session.on('error', () => {});
  return session;
}

function exchange(stream: ClientHttp2Stream, text: string, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const done = (): void => {
      stream.off('data', more);
      resolve(got);
    };
    const more = (chunk: Buffer): void => {
      got += chunk.toString('latin1');
      if (got.length >= bytes) done();
    };
    stream.on('data', more);
    stream.once('end', done);
    stream.once('close', done);
    stream.write(text);
  });
}
