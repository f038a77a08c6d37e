// Takes a connection on a pod's HBONE port: handshake as the pod, then one call of serve.ts for each CONNECT request.
// Called for each connection accepted on port 15008. Tunnels take part in the pod's drain: GOAWAY first, cut at the deadline.
import type { Socket } from 'node:net';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { canonicalIp, formatSocket } from '@ambient-mesh/model/address';
import { describeError, isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { serverSettings } from '@ambient-mesh/wire/h2/settings';
import { serveTunnel } from '@ambient-mesh/wire/hbone/server';
import type { Pod } from '../pods/pod.ts';
import { serveRequest, type Via } from './serve.ts';

export type AcceptFault = { readonly code: 'certificate.late' };

/** For the pod's own certificate. */
const longestWait = ms(10_000);

/** Never rejects. */
export async function serveTunnels(pod: Pod, socket: Socket): Promise<void> {
  const ends = endsOf(socket);
  if (ends === undefined) return void socket.destroy();
  using running = new DisposableStack();
  running.use(pod.drain.enter());
  running.use(pod.shared.telemetry.socketOpen('destination'));
  try {
    await speak(pod, socket, ends);
  } catch (e) {
    socket.destroy();
    if (isFault(e, 'tls.revoked')) pod.shared.telemetry.revoked({ inbound: 1, outbound: 0 });
    pod.shared.telemetry.connections.refused(ends.from, ends.at, 'destination', describeError(e));
  }
}

/** Resolves when the tunnel is over; rejects when there never was one. */
async function speak(pod: Pod, socket: Socket, ends: Via): Promise<void> {
  const { shared, drain } = pod;
  const credentials = await ownCredentials(pod);
  const { socket: secure, peer } = await shared.acceptor.accept(
    socket,
    { credentials, who: formatSocket(ends.from), revocations: shared.revocations },
    drain.forced,
  );
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const tunnel = serveTunnel(secure, peer, {
    clock: shared.clock,
    memory: shared.memory,
    settings: { ...serverSettings, ...shared.windows },
    onRequest: (request) =>
      // It does not reject; if it does all the same it costs this connection, not the process.
      void serveRequest(pod, request, ends).catch((e: unknown) => {
        request.refuse(503);
        pod.log.error(`a connection was dropped: ${describeError(e)}`);
      }),
    onClosed: (fault) => {
      if (fault !== undefined) pod.log.debug(`tunnel from ${peer.identity.uri} ended: ${fault.message}`);
      resolve();
    },
  });
  pod.tunnels.add(tunnel);
  const shutdown = (): void => tunnel.shutdown();
  const destroy = (): void => tunnel.destroy();
  if (drain.signal.aborted) shutdown();
  drain.signal.addEventListener('abort', shutdown);
  drain.forced.addEventListener('abort', destroy);
  await over;
  pod.tunnels.delete(tunnel);
  drain.signal.removeEventListener('abort', shutdown);
  drain.forced.removeEventListener('abort', destroy);
}

/** The client holds a descriptor of ours meanwhile, and we could not tell if it went away. */
async function ownCredentials(pod: Pod): Promise<Credentials> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  using _timer = pod.shared.clock.after(longestWait, () => {
    reject(new MeshError<AcceptFault>({ code: 'certificate.late' }, `this pod has no certificate yet, after ${longestWait} ms`));
  });
  return await unlessAborted(Promise.race([pod.credentials(), late]), pod.drain.forced);
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Via | undefined {
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) return undefined;
  return { from: { ip: canonicalIp(remoteAddress), port: remotePort }, at: { ip: canonicalIp(localAddress), port: localPort } };
}
