// Opens TCP connections as conduits, with a deadline and typed faults.
// Called by ztunnel's forwarders and by the tunnel pool's dial port; the descriptor, if any, was prepared by host/sockets.
// Chooses no address and retries nothing.
import { Socket, type SocketConstructorOpts } from 'node:net';
import { formatSocket, type SocketAddress } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { ReadMemory } from './read-memory.ts';
import { TcpConduit } from './tcp.ts';

export type DialFault =
  | { readonly code: 'dial.timeout'; readonly to: SocketAddress; readonly afterMs: number }
  | { readonly code: 'dial.refused' | 'dial.unreachable'; readonly to: SocketAddress; readonly errno: string }
  | { readonly code: 'dial.failed'; readonly to: SocketAddress; readonly errno: string };

export interface DialOptions {
  readonly to: SocketAddress;
  /** A socket of the right family, not connected; owned by this call from here on. Without it the kernel's defaults are used. */
  readonly fd?: number;
  /** Default 10,000. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
}

/** @throws MeshError<DialFault>, or the signal's reason; the descriptor is closed then. */
export async function connectTcp(options: DialOptions & { readonly memory: ReadMemory }, signal: AbortSignal): Promise<TcpConduit> {
  const conduit = new TcpConduit(options.memory, originOf(options));
  await established(conduit.socket, options, signal);
  return conduit;
}

/** The same for those who need Node's socket, to speak TLS on it: one that reads into a conduit's memory would not serve. */
export async function connectSocket(options: DialOptions, signal: AbortSignal): Promise<Socket> {
  const socket = new Socket({ ...originOf(options), manualStart: true } as SocketConstructorOpts);
  socket.setNoDelay(true);
  await established(socket, options, signal);
  return socket;
}

/** `manualStart` keeps Node from reading a descriptor that is not connected yet. */
const originOf = ({ fd }: DialOptions): SocketConstructorOpts => (fd === undefined ? {} : { fd, readable: true, writable: true });

function established(socket: Socket, { to, clock, timeoutMs = 10_000 }: DialOptions, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const settle = () => {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
    socket.off('connect', onConnect);
  };
  const give = (why: unknown) => {
    settle();
    socket.destroy();
    reject(why);
  };
  const onAbort = () => give(signal.reason);
  const onConnect = () => {
    settle();
    resolve();
  };
  const timer = clock.after(ms(timeoutMs), () => give(timeout(to, timeoutMs)));
  // Stays for good, so that an error cannot crash the process before the next owner listens.
  socket.on('error', (e) => give(explain(e, to)));
  socket.on('connect', onConnect);
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    socket.connect({ host: to.ip, port: to.port });
  }
  return promise;
}

function timeout(to: SocketAddress, afterMs: number): MeshError<DialFault> {
  const hint = to.port === 15008 ? '; does a NetworkPolicy block port 15008?' : '';
  return new MeshError({ code: 'dial.timeout', to, afterMs }, `no answer from ${formatSocket(to)} within ${afterMs} ms${hint}`);
}

function explain(e: NodeJS.ErrnoException, to: SocketAddress): MeshError<DialFault> {
  const errno = e.code ?? 'UNKNOWN';
  const where = formatSocket(to);
  if (errno === 'ECONNREFUSED') return new MeshError({ code: 'dial.refused', to, errno }, `${where} refused the connection`, e);
  if (errno === 'EHOSTUNREACH' || errno === 'ENETUNREACH') {
    return new MeshError({ code: 'dial.unreachable', to, errno }, `${where} cannot be reached (${errno})`, e);
  }
  if (errno === 'ETIMEDOUT') return new MeshError({ code: 'dial.timeout', to, afterMs: 0 }, `no answer from ${where} (${errno})`, e);
  return new MeshError({ code: 'dial.failed', to, errno }, `dialling ${where} failed: ${errno}`, e);
}
