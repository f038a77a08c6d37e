// Serves DNS on a pod's sockets, UDP and TCP: takes messages off the wire within bounds and sends back what proxy.ts answers.
// Given descriptors that are bound already; knows nothing of the mesh and little of DNS (only TCP's length prefix, RFC 1035 §4.2.2).
// A peer can at most fill its own pod's bounds: past them UDP messages are dropped and TCP connections closed.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Family } from '@ambient-mesh/model/address';
import type { Drain } from '@ambient-mesh/runtime/drain';
import type { Scope } from '@ambient-mesh/runtime/log';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type Answer, limits, PendingQueries } from './pending.ts';
import { serveConnection } from './tcp-client.ts';

export interface BoundSocket {
  /** Becomes ours to close. */
  readonly fd: number;
  readonly family: Family;
}

export interface DnsServer {
  readonly udp: readonly BoundSocket[];
  /** Bound, listening or not. */
  readonly tcp: readonly BoundSocket[];
  readonly answer: Answer;
  readonly log: Scope;
  readonly clock: Clock;
}

/** The ports in use, in the order of the sockets given. */
export interface DnsServing {
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
}

interface Serving {
  readonly port: number;
  readonly close: () => void;
}

/**
 * Serves until the drain starts. From then on no connection is accepted, queries in progress are finished, and the UDP sockets go on answering
 * until none is left: with SO_REUSEPORT the kernel may send us queries until they are closed. A forced drain closes everything at once.
 */
export function serveDns(server: DnsServer, drain: Pick<Drain, 'signal' | 'forced' | 'enter'>): DnsServing {
  const pending = new PendingQueries(server.answer, drain.forced);
  const token = drain.enter();
  const udp = server.udp.map((socket) => serveUdp(socket, server, pending));
  const tcp = server.tcp.map((socket) => serveTcp(socket, server, pending, drain));
  const open = [...udp, ...tcp];
  const close = (): void => {
    for (const serving of open.splice(0)) serving.close();
    token[Symbol.dispose]();
  };
  onAbort(drain.signal, () => whenQuiet(pending, close));
  onAbort(drain.forced, close);
  return { udp: udp.map(({ port }) => port), tcp: tcp.map(({ port }) => port) };
}

function serveUdp({ fd, family }: BoundSocket, { log }: DnsServer, pending: PendingQueries): Serving {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  let open = true;
  socket.on('error', (e) => log.warn('DNS socket failed', [['error', e.message]]));
  socket.on('message', (message, from) => {
    // Port 0 means that no reply is wanted (RFC 768).
    if (message.length > limits.messageBytes || from.port === 0) return;
    pending.ask(message, 'udp', (answer, sent) => {
      // From the socket that the query came to, or the client would not take it. A failed send is as a lost datagram.
      if (answer !== undefined && open) socket.send(answer, from.port, from.address, sent);
      else sent();
    });
  });
  socket.bind({ fd });
  const close = (): void => {
    open = false;
    socket.close();
  };
  return { port: socket.address().port, close };
}

function serveTcp({ fd }: BoundSocket, { log, clock }: DnsServer, pending: PendingQueries, drain: Pick<Drain, 'signal'>): Serving {
  const open = new Set<Disposable>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = serveConnection(socket, pending, clock, () => open.delete(connection));
    open.add(connection);
  });
  listener.maxConnections = limits.connections;
  listener.on('error', (e) => log.warn('DNS listener failed', [['error', e.message]]));
  listener.listen({ fd });
  onAbort(drain.signal, () => listener.close());
  const close = (): void => {
    if (listener.listening) listener.close();
    for (const connection of open) connection[Symbol.dispose]();
  };
  const address = listener.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, close };
}

/** Of the event loop, after which sockets are closed however many queries still come. */
const mostTurns = 200;

/**
 * Calls `f` when nothing is in progress and a whole turn of the event loop has brought no query: what lies in a socket that is closed is lost, and
 * its client asks again only after seconds.
 */
function whenQuiet(pending: PendingQueries, f: () => void, turns = mostTurns): void {
  pending.whenIdle(() => {
    const before = pending.asked;
    // Sockets are read between the two.
    setImmediate(() => setImmediate(() => (pending.asked === before || turns === 0 ? f() : whenQuiet(pending, f, turns - 1))));
  });
}

function onAbort(signal: AbortSignal, f: () => void): void {
  if (signal.aborted) f();
  else signal.addEventListener('abort', f, { once: true });
}
