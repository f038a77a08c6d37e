// An HBONE server on node:http2, so that the tunnel under test meets a stranger's HTTP/2: stands in for waypoints and gateways.
// Answers a CONNECT with 200, then either a marker line and an echo, or a relay of the opaque bytes to one address.
// Used by servers.ts.
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { connect, type Server } from 'node:net';
import { splitEndpoint } from './connections.ts';
import type { ServerKind } from './protocol.ts';

type HboneKind = Extract<ServerKind, { kind: 'hbone' }>;

/** @param onRequest gets the pseudo-headers and headers of each CONNECT as plain text */
export function hboneServer(kind: HboneKind, onRequest: (request: Record<string, string>) => void): Server {
  const server = createSecureServer({
    cert: kind.certChainPem,
    key: kind.keyPem,
    ca: [...kind.rootsPem],
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    onRequest(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])));
    if (headers[':method'] !== 'CONNECT') return stream.respond({ ':status': 400 }, { endStream: true });
    stream.respond({ ':status': 200, ...(kind.baggage === undefined ? {} : { baggage: kind.baggage }) });
    return kind.forward === undefined ? markThenEcho(stream, kind.marker) : relayTo(stream, kind.forward);
  });
  server.on('sessionError', () => {});
  server.on('tlsClientError', () => {});
  return server;
}

function markThenEcho(stream: ServerHttp2Stream, marker: string): void {
  stream.write(`${marker}\n`);
  stream.pipe(stream);
}

function relayTo(stream: ServerHttp2Stream, to: string): void {
  const onward = connect({ ...splitEndpoint(to), allowHalfOpen: true });
  onward.on('error', () => stream.close(8));
  stream.on('close', () => onward.destroySoon());
  stream.pipe(onward);
  onward.pipe(stream);
}
