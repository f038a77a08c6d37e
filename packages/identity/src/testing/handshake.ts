// One mutual TLS handshake over loopback, told from both ends: for tests of contexts, peers and revocation in this package.
// Real sockets and OpenSSL, because what OpenSSL refuses by itself is part of what is tested.
// wire/tls is the real user of contexts; this knows no protocol above TLS.
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';
import type { Credentials } from '../credentials.ts';
import { alpn, contextFor, type TlsPolicy, tlsPolicy } from '../tls-context.ts';

export interface Ends {
  readonly server: Credentials;
  /** Absent: the client shows no certificate. */
  readonly client?: Credentials;
  /** What the client trusts. Default: the server's roots. */
  readonly clientTrusts?: readonly string[];
  readonly serverPolicy?: TlsPolicy;
  readonly clientPolicy?: TlsPolicy;
  /** A session that the client offers for resumption. */
  readonly session?: Buffer;
}

/** `error` is the code or text of what ended this end's handshake. */
export interface Told {
  readonly error?: string;
  /** The other end's chain, DER, leaf first; as far as OpenSSL knows it, our root included. */
  readonly chain: readonly Buffer[];
  readonly protocol?: string | null;
  readonly cipher?: string;
  readonly alpn?: string | false | null;
  readonly reused?: boolean;
  readonly session?: Buffer;
}

const defaultPolicy = tlsPolicy();

export async function handshake(ends: Ends): Promise<{ readonly server: Told; readonly client: Told }> {
  const server = tls.createServer({ requestCert: true, rejectUnauthorized: true, ALPNProtocols: [...alpn] });
  // tls.Server takes options only and drops some of them; a test may set the field that its connections use.
  Object.assign(server, { _sharedCreds: contextFor(ends.server, ends.serverPolicy ?? defaultPolicy) });
  const told = Promise.withResolvers<Told>();
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
    told.resolve(describe(socket));
  });
  // A refused client shows as ECONNRESET; the reason stays with its socket.
  server.on('tlsClientError', (e, socket) => told.resolve({ error: String(socket.authorizationError ?? codeOf(e)), chain: [] }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await connect(ends, (server.address() as AddressInfo).port);
  const answer = { server: await told.promise, client };
  await new Promise((resolve) => server.close(resolve));
  return answer;
}

/** Resolves when the connection has ended: in TLS 1.3 the server's refusal comes after the client believes itself connected. */
function connect(ends: Ends, port: number): Promise<Told> {
  const { server, client, clientPolicy = defaultPolicy, session } = ends;
  const rootsPem = ends.clientTrusts ?? server.rootsPem;
  const secureContext = client
    ? contextFor(ends.clientTrusts ? { ...client, rootsPem } : client, clientPolicy)
    : tls.createSecureContext({ ...clientPolicy, ca: [...rootsPem] });
  return new Promise((resolve) => {
    let told: Told = { chain: [] };
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      secureContext,
      ALPNProtocols: [...alpn],
      checkServerIdentity: () => undefined,
      ...(session && { session }),
    });
    socket.on('secureConnect', () => (told = describe(socket)));
    socket.on('session', (ticket) => (told = { ...told, session: ticket }));
    socket.on('error', (e) => (told = { ...told, error: codeOf(e) }));
    socket.on('close', () => resolve(told));
    socket.resume();
  });
}

const codeOf = (e: Error): string => ('code' in e ? String(e.code) : e.message);

function describe(socket: tls.TLSSocket): Told {
  const chain: Buffer[] = [];
  for (let at = socket.getPeerX509Certificate(); at !== undefined && chain.length < 10; at = at.issuerCertificate) chain.push(at.raw);
  return {
    chain,
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol,
    reused: socket.isSessionReused(),
  };
}
