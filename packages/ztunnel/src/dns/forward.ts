// Asks the node's own DNS servers what the mesh does not know, from sockets inside the pod's network namespace.
// Called by proxy.ts; the servers come from resolv-conf.ts, the marked sockets through ports. message.ts makes the answer ours.
// Every query has a socket of its own, so a random port and a random id guard it against forged answers (RFC 5452).
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { type Family, familyOf, formatSocket, type SocketAddress } from '@ambient-mesh/model/address';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { answers, framed, isTruncated, type Query, rcodeOf, rcodes, type Transport, withId } from './message.ts';
import type { ResolvConf } from './resolv-conf.ts';

/** What came back from the upstream, whatever its code; or why nothing did. */
export type Forwarded = { readonly response: Buffer } | { readonly failed: string };
export type Forward = (query: Query, transport: Transport, signal: AbortSignal) => Promise<Forwarded>;

export interface ForwardPorts {
  /** A UDP socket, marked, not connected; it becomes ours to close. May throw. */
  readonly udp: (family: Family) => number;
  /** A TCP socket, marked, not connected; it becomes ours to close. May throw. */
  readonly tcp: (family: Family) => number;
  readonly clock: Clock;
  /** 0 to 65535, unpredictable. */
  readonly randomId: () => number;
}

/** One pod's queries that wait for an upstream at once; each holds a descriptor. Beyond it the answer is SERVFAIL. */
const maxForwarding = 256;
/** After this a client has given up (resolv.conf(5): five seconds), so every try must fit in. */
const budgetMs = 5_000;
/** Codes with which a server says that another one should be asked. */
const tryAnother: readonly number[] = [rcodes.servFail, rcodes.notImp, rcodes.refused];

/** Forwards to the servers in order, round after round, until one answers usefully or the time is up. */
export function forwarder(conf: Pick<ResolvConf, 'servers' | 'timeoutS' | 'attempts' | 'rotate'>, ports: ForwardPorts): Forward {
  let waiting = 0;
  return async (query, transport, signal) => {
    if (waiting >= maxForwarding) return { failed: `${maxForwarding} queries are waiting for the upstream already` };
    waiting += 1;
    try {
      return await tryInTurn(conf, { ...ports, query, transport, signal });
    } finally {
      waiting -= 1;
    }
  };
}

interface Attempt extends ForwardPorts {
  readonly query: Query;
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

async function tryInTurn(conf: Parameters<typeof forwarder>[0], attempt: Attempt): Promise<Forwarded> {
  const { servers, attempts } = conf;
  const limitMs = Math.min(conf.timeoutS * 1_000, budgetMs / (attempts * servers.length));
  const first = conf.rotate ? attempt.randomId() : 0;
  let last: Forwarded = { failed: 'no upstream DNS server is configured' };
  for (let turn = 0; turn < attempts * servers.length && !attempt.signal.aborted; turn++) {
    const server = servers[(first + turn) % servers.length];
    if (server === undefined) break;
    const got = await askServer(server, limitMs, attempt);
    if ('response' in got && !tryAnother.includes(rcodeOf(got.response))) return got;
    // A server's own refusal says more than the silence of the next one.
    if (!('response' in last)) last = got;
  }
  return last;
}

/** UDP first; an answer that was cut is asked for again over TCP, unless the client is on UDP and will do that itself. */
async function askServer(server: SocketAddress, limitMs: number, attempt: Attempt): Promise<Forwarded> {
  const got = await overUdp(server, limitMs, attempt);
  if (attempt.transport === 'udp' || 'failed' in got || !isTruncated(got.response)) return got;
  return await overTcp(server, budgetMs, attempt);
}

async function overUdp(server: SocketAddress, limitMs: number, { udp, query, ...attempt }: Attempt): Promise<Forwarded> {
  const family = familyOf(server.ip);
  const id = attempt.randomId();
  const { promise, resolve } = Promise.withResolvers<Forwarded>();
  using _stops = stopAfter(server, limitMs, attempt, resolve);
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  using _closes = { [Symbol.dispose]: () => void socket.close() };
  socket.on('error', (e) => resolve(failure(server, e)));
  socket.on('message', (message) => {
    if (answers(message, query, id)) resolve({ response: message });
  });
  try {
    socket.bind({ fd: udp(family) }, () => sendConnected(socket, server, withId(query.bytes, id)));
  } catch (e) {
    resolve(failure(server, e));
  }
  return await promise;
}

/** Connecting makes the kernel drop what other addresses send, and reports a closed port at once. Its failure comes to the callback only. */
function sendConnected(socket: UdpSocket, { ip, port }: SocketAddress, bytes: Buffer): void {
  socket.connect(port, ip, (why?: Error) => {
    if (why) socket.emit('error', why);
    else socket.send(bytes);
  });
}

async function overTcp(server: SocketAddress, limitMs: number, { tcp, query, ...attempt }: Attempt): Promise<Forwarded> {
  const id = attempt.randomId();
  const { promise, resolve } = Promise.withResolvers<Forwarded>();
  using _stops = stopAfter(server, limitMs, attempt, resolve);
  let socket: Socket;
  try {
    socket = unconnected(tcp(familyOf(server.ip)));
  } catch (e) {
    return failure(server, e);
  }
  using _closes = { [Symbol.dispose]: () => void socket.destroy() };
  let received = Buffer.alloc(0);
  socket.on('error', (e) => resolve(failure(server, e)));
  socket.on('close', () => resolve(failure(server, new Error('closed without an answer'))));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const response = received.subarray(2, 2 + received.readUInt16BE(0));
    resolve(answers(response, query, id) ? { response } : failure(server, new Error('an answer to another question')));
  });
  socket.connect(server.port, server.ip);
  socket.write(framed(withId(query.bytes, id)));
  return await promise;
}

/** Does not start to read, as a Socket with a descriptor otherwise would: it is not connected yet. `manualStart` is Node's own, but not in its types. */
function unconnected(fd: number): Socket {
  const options = { fd, manualStart: true };
  return new Socket(options);
}

/** Gives up after `limitMs` or when the signal aborts. */
function stopAfter(
  server: SocketAddress,
  limitMs: number,
  { clock, signal }: Pick<Attempt, 'clock' | 'signal'>,
  resolve: (why: Forwarded) => void,
): Disposable {
  const stop = (): void => resolve({ failed: 'stopped' });
  const timer = clock.after(ms(limitMs), () => resolve(failure(server, new Error(`no answer within ${Math.round(limitMs)} ms`))));
  signal.addEventListener('abort', stop, { once: true });
  return {
    [Symbol.dispose]: () => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', stop);
    },
  };
}

const failure = (server: SocketAddress, e: unknown): Forwarded => ({ failed: `${formatSocket(server)}: ${describeError(e)}` });
