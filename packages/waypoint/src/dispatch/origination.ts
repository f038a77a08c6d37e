// TLS that the waypoint speaks to an endpoint in the client's stead, inside the tunnel or on its way out of the mesh (facts: control-plane §6.6).
// Called by open-link.ts and raw/ where a DestinationRule asks for it. The server must prove its name.
import { checkServerIdentity, connect, createSecureContext, type SecureContext } from 'node:tls';
import type { TlsOrigination } from '@ambient-mesh/model/l7/destination';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { conduitOf, duplexOf } from '@ambient-mesh/wire/hbone/duplex';
import type { HttpVersion } from './links.ts';

export type OriginationFault = { readonly code: 'origination.failed' };

const handshakeWithin = ms(10_000);
const contexts = new WeakMap<TlsOrigination, SecureContext>();

export interface Origination {
  readonly version: HttpVersion | 'raw';
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Asked for, and to be proven, where the rule names none. */
  readonly serverName: string | undefined;
}

/** Takes `plain` over. @throws MeshError<OriginationFault>, or the signal's reason. */
export function openSecure(plain: Conduit, tls: TlsOrigination, { version, clock, signal, serverName }: Origination): Promise<Conduit> {
  const { promise, resolve, reject } = Promise.withResolvers<Conduit>();
  const sni = tls.sni ?? serverName;
  const socket = connect({
    socket: duplexOf(plain),
    secureContext: contextOf(tls),
    ...(sni !== undefined && { servername: sni }),
    ...(version !== 'raw' && { ALPNProtocols: [version === 'h2' ? 'h2' : 'http/1.1'] }),
    rejectUnauthorized: !tls.insecureSkipVerify,
    checkServerIdentity: (host, certificate) => checkNames(tls, host, certificate),
  });
  const settle = (): void => {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
  };
  const give = (why: unknown): void => {
    settle();
    socket.destroy();
    reject(why);
  };
  const onAbort = (): void => give(signal.reason);
  const timer = clock.after(handshakeWithin, () => give(failed(`no TLS handshake within ${handshakeWithin} ms`)));
  // Stays for good, so that a later error cannot crash the process.
  socket.on('error', (e) => give(failed(e.message, e)));
  socket.once('close', () => give(failed('the server ended the connection')));
  socket.once('secureConnect', () => {
    settle();
    const wrong = version === 'h2' && socket.alpnProtocol !== 'h2';
    if (wrong) give(failed('the server does not speak HTTP/2'));
    else resolve(conduitOf(socket));
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return promise;
}

/** Of the names that are wanted one must be in the certificate; without any, the server's name. */
function checkNames(tls: TlsOrigination, host: string, certificate: Parameters<typeof checkServerIdentity>[1]): Error | undefined {
  const wanted = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : tls.sni === undefined ? [] : [tls.sni];
  if (wanted.length === 0) return checkServerIdentity(host, certificate);
  const uris = (certificate.subjectaltname ?? '').split(', ');
  const good = wanted.some((name) =>
    name.includes('://') ? uris.includes(`URI:${name}`) : checkServerIdentity(name, certificate) === undefined,
  );
  return good ? undefined : new Error(`the certificate carries none of ${wanted.join(', ')}`);
}

function contextOf(tls: TlsOrigination): SecureContext {
  const known = contexts.get(tls);
  if (known !== undefined) return known;
  const made = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(tls.caPem !== undefined && { ca: tls.caPem }),
    ...(tls.certificatePem !== undefined && tls.keyPem !== undefined && { cert: tls.certificatePem, key: tls.keyPem }),
  });
  contexts.set(tls, made);
  return made;
}

const failed = (why: string, cause?: unknown): MeshError<OriginationFault> =>
  new MeshError({ code: 'origination.failed' }, `TLS to the endpoint failed: ${why}`, cause);
