// The server half of the in-pod program: one function per kind of server, and the open listeners by port.
// Called by main.ts; the kinds are defined in protocol.ts.
import { createSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { formatSocket } from '@ambient-mesh/model/address';
import { readProxyHeader } from '@ambient-mesh/wire/testing/proxy-header';
import { splitEndpoint } from './connections.ts';
import { answerDns } from './dns.ts';
import { hboneServer } from './hbone-echo.ts';
import type { ServeOrder, ServerKind, StormReport } from './protocol.ts';
import { stormServer } from './storm.ts';

/** What the servers of this pod have seen, until somebody asks. */
export const seen = {
  storms: [] as StormReport[],
  proxyHeaders: [] as { source: string; destination: string; identity: string }[],
  hboneRequests: [] as Record<string, string>[],
};

const listeners = new Map<number, { readonly close: () => void }>();

type Handler = (socket: Socket) => void;

const peerOf = (socket: Socket): string => (socket.remoteAddress ?? 'gone').replace('::ffff:', '');

function relay(a: Socket, b: Socket): void {
  a.pipe(b);
  b.pipe(a);
  a.on('error', () => b.destroy());
  b.on('error', () => a.destroy());
}

function pourZeros(socket: Socket, bytes: number): void {
  const zeros = Buffer.alloc(65_536);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = zeros.subarray(0, Math.min(left, zeros.length));
      left -= piece.length;
      if (!socket.write(piece)) return void socket.once('drain', more);
    }
    socket.end();
  };
  socket.resume();
  more();
}

/** Reads a PROXY protocol header, remembers it, and relays what follows to the destination that it names. */
function relayAsProxied(socket: Socket): void {
  let got = Buffer.alloc(0);
  socket.on('data', function take(chunk: Buffer) {
    got = Buffer.concat([got, chunk]);
    const header = readProxyHeader(got);
    if (header === 'incomplete') return;
    socket.off('data', take).pause();
    if (header === 'malformed' || header.source === undefined || header.destination === undefined) return void socket.destroy();
    socket.unshift(got.subarray(header.length));
    const { source, destination, identity = '' } = header;
    seen.proxyHeaders.push({ source: formatSocket(source), destination: formatSocket(destination), identity });
    relay(socket, connect({ host: destination.ip, port: destination.port, allowHalfOpen: true }));
  });
}

function handlerFor(server: Exclude<ServerKind, { kind: 'hbone' | 'dns' }>): Handler {
  switch (server.kind) {
    case 'echo':
      return (socket) => void socket.pipe(socket);
    case 'double-echo':
      return (socket) => void socket.on('data', (c: Buffer) => socket.write(Buffer.concat([c, c]))).on('end', () => socket.end());
    case 'sink':
      return (socket) => void socket.resume().on('end', () => socket.end());
    case 'source':
      return (socket) => pourZeros(socket, server.bytes ?? Number.POSITIVE_INFINITY);
    case 'peer':
      return (socket) => {
        socket.write(`${peerOf(socket)} ${socket.remotePort}\n`);
        socket.pipe(socket);
      };
    case 'http':
      return (socket) => {
        const body = `${server.text}; you are ${peerOf(socket)}\n`;
        socket.once('data', () =>
          socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
        );
      };
    case 'storm':
      return (socket) => void stormServer(socket, (report) => seen.storms.push(report));
    case 'forward':
      return (socket) => relay(socket, connect({ ...splitEndpoint(server.to), allowHalfOpen: true }));
    case 'proxy-protocol':
      return relayAsProxied;
    default:
      return server satisfies never;
  }
}

export async function serve({ port, ip, server }: ServeOrder): Promise<void> {
  if (server.kind === 'dns') return serveDns(port, server.records);
  const listener =
    server.kind === 'hbone'
      ? hboneServer(server, (request) => seen.hboneRequests.push(request))
      : createServer({ allowHalfOpen: true, noDelay: true }, tolerant(handlerFor(server)));
  await listening(listener, port, ip);
  listeners.set(port, listener);
}

/** Peers may reset at any time; the program in the pod must outlive them. */
const tolerant =
  (handler: Handler): Handler =>
  (socket) => {
    socket.on('error', () => socket.destroy());
    handler(socket);
  };

async function serveDns(port: number, records: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const udp = createSocket({ type: 'udp6' });
  udp.on('message', (message, from) => udp.send(answerDns(message, records), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, () => resolve()));
  const tcp = createServer(
    tolerant((socket) => {
      socket.once('data', (chunk: Buffer) => {
        const answer = answerDns(chunk.subarray(2), records);
        socket.end(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 255), answer]));
      });
    }),
  );
  await listening(tcp, port, undefined);
  listeners.set(port, {
    close() {
      udp.close();
      tcp.close();
    },
  });
}

const listening = (server: Server, port: number, ip: string | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, backlog: 4_096, ...(ip === undefined ? {} : { host: ip }) }, () => resolve());
  });

export function stopServing(port: number): void {
  listeners.get(port)?.close();
  listeners.delete(port);
}
