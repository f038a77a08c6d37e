// Opens an HTTP/2 connection over TLS to a gRPC server, within time limits, and keeps watch over it with PINGs.
// Used by xds/client.ts and ca/client.ts. node:http2 is driven directly: connect-node offers neither the connection's window nor a say in
// how the socket is opened, and costs 8 MB of memory in a process whose budget is 95.

import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, isIPv6, Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import type { GrpcTarget } from './target.ts';

export type ConnectionFault = { readonly code: 'grpc.connect'; readonly stage: 'tcp' | 'tls' | 'http2' };

const limits = {
  tcp: ms(5_000),
  tls: ms(10_000),
  http2: ms(10_000),
  pingEvery: ms(30_000),
  pingAnswer: ms(10_000),
  // A push of the whole mesh is one message of many megabytes: at the default 64 KiB it would crawl.
  streamWindowBytes: 1 << 20,
  connectionWindowBytes: 4 << 20,
} as const;

/** @throws also when the signal aborts; nothing is left open then. */
async function dial({ host, port, socket }: GrpcTarget, signal: AbortSignal): Promise<Socket> {
  const prepared = socket && (await lookup(host));
  const to = { host: prepared?.address ?? host, port };
  const tcp = prepared && socket ? new Socket({ fd: socket(prepared.family === 6 ? 6 : 4), ...unread }).connect(to) : connectTcp(to);
  tcp.setNoDelay(true).on('error', ignore);
  try {
    await once(tcp, 'connect', { signal });
    return tcp;
  } catch (e) {
    tcp.destroy();
    throw e;
  }
}

/** Keeps Node from reading a descriptor that is not connected yet. */
const unread = { readable: true, writable: true, manualStart: true };

/** TCP keepalive: probe after 300 s of silence, every 75 s, 9 times. */
const keepalive = { idleMs: 300_000, intervalMs: 75_000, count: 9 } as const;

/**
 * Throws a MeshError `grpc.connect` that names the stage; rejects with the signal's reason when aborted meanwhile.
 * `signal` governs the opening only. The session is the caller's to destroy; it destroys itself when a PING is not answered in 10 s.
 */
export async function openConnection(target: GrpcTarget, rootPem: string, clock: Clock, signal: AbortSignal): Promise<ClientHttp2Session> {
  using undo = new DisposableStack();
  const tcp = await stage('tcp', target, clock, signal, (stop) => dial(target, stop));
  undo.defer(() => tcp.destroy());
  tcp.setKeepAlive(true, keepalive.idleMs, keepalive.intervalMs, keepalive.count);

  const secure = connectTls({
    socket: tcp,
    host: target.host,
    servername: isIP(target.host) ? '' : target.host,
    ca: rootPem,
    ALPNProtocols: ['h2'],
    // Said outright, or NODE_TLS_REJECT_UNAUTHORIZED could turn it off.
    rejectUnauthorized: true,
    checkServerIdentity: (_name, certificate) => checkName(target, certificate),
  });
  undo.defer(() => secure.destroy());
  secure.on('error', ignore);
  await stage('tls', target, clock, signal, async (stop) => {
    await once(secure, 'secureConnect', { signal: stop });
    if (secure.alpnProtocol !== 'h2') throw new Error('the server does not speak HTTP/2');
  });

  const session = startHttp2(secure, target);
  undo.defer(() => session.destroy());
  await stage('http2', target, clock, signal, (stop) => once(session, 'remoteSettings', { signal: stop }));
  session.setLocalWindowSize(limits.connectionWindowBytes);
  watch(session, clock);
  undo.move();
  return session;
}

/** What breaks a connection breaks what waits for it too, where it is handled; an error event without listener would end the process. */
const ignore = (): void => {};

function startHttp2(secure: TLSSocket, target: GrpcTarget): ClientHttp2Session {
  const authority = `https://${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const session = connectHttp2(authority, {
    createConnection: () => secure,
    settings: { enablePush: false, initialWindowSize: limits.streamWindowBytes },
  });
  session.on('error', ignore);
  return session;
}

function checkName(target: GrpcTarget, certificate: PeerCertificate): Error | undefined {
  const wrong = checkServerIdentity(target.host, certificate);
  if (wrong === undefined || target.altHostname === undefined) return wrong;
  return checkServerIdentity(target.altHostname, certificate) && wrong;
}

/** One step of the opening, with its time limit. */
async function stage<T>(
  name: ConnectionFault['stage'],
  target: GrpcTarget,
  clock: Clock,
  signal: AbortSignal,
  wait: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  using _timer = clock.after(limits[name], () => late.abort(new Error(`no answer in ${limits[name]} ms`)));
  try {
    return await wait(AbortSignal.any([signal, late.signal]));
  } catch (e) {
    signal.throwIfAborted();
    const cause: unknown = late.signal.aborted ? late.signal.reason : e;
    const where = `${target.host}:${target.port}`;
    throw new MeshError<ConnectionFault>({ code: 'grpc.connect', stage: name }, `cannot connect to ${where} (${name})`, cause);
  }
}

/** Pings for as long as the session lives. A dead peer is otherwise noticed only when we write to it. */
function watch(session: ClientHttp2Session, clock: Clock): void {
  let timer: Disposable;
  const ping = (): void => {
    timer = clock.after(limits.pingAnswer, () => session.destroy(new Error(`the peer did not answer a ping in ${limits.pingAnswer} ms`)));
    session.ping((failed) => {
      timer[Symbol.dispose]();
      if (failed === null) rest();
    });
  };
  const rest = (): void => {
    if (!session.destroyed) timer = clock.after(limits.pingEvery, ping);
  };
  session.once('close', () => timer[Symbol.dispose]());
  rest();
}
