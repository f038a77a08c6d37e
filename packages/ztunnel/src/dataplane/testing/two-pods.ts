// Two pods on a wire, for tests of a data plane: a client whose apps enter by SOCKS5, and a server with an echo on a port of its own.
// Needs root. No capture rules: what they add is tested end to end; here every connection says itself where it wants to go.
// Certificates come from a test authority, which notes who was asked for.
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import type { Netns } from '@ambient-mesh/host/netns';
import { dialSocket, listenTcp } from '@ambient-mesh/host/sockets';
import { joinedNamespaces, leftIp, rightIp } from '@ambient-mesh/host/testing';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { familyOf, type SocketAddress } from '@ambient-mesh/model/address';
import { ip, workload } from '@ambient-mesh/model/testing';
import type { Workload } from '@ambient-mesh/model/workload';
import { type Config, configure } from '../../config.ts';
import type { DataPlaneCommand, DataPlanePorts } from '../data-plane.ts';

export const clientPod = workload({ name: 'client', serviceAccount: 'client', ips: [leftIp.v4, leftIp.v6], protocol: 'HBONE' });
export const serverPod = workload({ name: 'server', serviceAccount: 'server', ips: [rightIp.v4, rightIp.v6], protocol: 'HBONE' });

export interface TwoPods extends Disposable {
  readonly client: Netns;
  readonly server: Netns;
  /** Where the server's echo is. */
  readonly app: SocketAddress;
  readonly ports: DataPlanePorts;
  /** Identities that certificates were asked for, in order. */
  readonly asked: readonly string[];
  readonly logged: readonly string[];
  enrol(pod: 'client' | 'server'): Extract<DataPlaneCommand, { do: 'enrol' }>;
  /** An app of the client's pod, connected through the tunnel, to the server's echo unless told otherwise; or undefined when the entry closed at once. */
  dialApp(to?: SocketAddress): Promise<Socket | undefined>;
  /** A socket of an app in the pod, connecting; errors show as its end. */
  dial(pod: 'client' | 'server', to: SocketAddress): Socket;
  /** Whether something in the pod listens there. */
  listens(pod: 'client' | 'server', port: number, family?: 4 | 6): Promise<boolean>;
}

export async function twoPods(): Promise<TwoPods> {
  // A failure in here ends the test process anyway, and with it the namespaces.
  const parts = new DisposableStack();
  const { left, right } = parts.use(await joinedNamespaces());
  const pods = { client: { netns: left, workload: clientPod }, server: { netns: right, workload: serverPod } };
  const app = { ip: rightIp.v4, port: await echo(right, parts) };
  const authority = testAuthority();
  const [asked, logged]: [string[], string[]] = [[], []];
  const dial = (netns: Netns, to: SocketAddress): Socket => {
    const socket = new Socket({ fd: dialSocket({ netns, family: familyOf(to.ip) }), allowHalfOpen: true });
    parts.defer(() => void socket.destroy());
    return socket.on('error', () => {}).connect(to.port, to.ip);
  };
  return {
    client: left,
    server: right,
    app,
    asked,
    logged,
    ports: {
      credentialsFor: async (id) => {
        asked.push(id.uri);
        return authority.credentials(id);
      },
      demand: async () => {},
      log: (line) => void logged.push(line),
    },
    enrol: (pod) => ({ do: 'enrol', pod, info: infoOf(pods[pod].workload), netnsFd: pods[pod].netns.fd, role: 'pod' }),
    dial: (pod, to) => dial(pods[pod].netns, to),
    dialApp: (to = app) => throughSocks5(dial(left, { ip: ip('127.0.0.1'), port: 15_080 }), to),
    listens: (pod, port, family = 4) => connects(dial(pods[pod].netns, { ip: ip(family === 4 ? '127.0.0.1' : '::1'), port })),
    [Symbol.dispose]: () => parts.dispose(),
  };
}

/** Tunnels even on one node, as the wire is what is tested; no spoofing, as that takes capture rules. */
export function planeConfig(env: Readonly<Record<string, string>> = {}): Config {
  const defaults = {
    NODE_NAME: 'n1',
    SAME_NODE_FAST_PATH: 'false',
    UNSTABLE_ENABLE_SOCKS5: 'true',
    ENABLE_ORIG_SRC: 'false',
    RUST_LOG: 'off',
  };
  const configured = configure({ env: { ...defaults, ...env }, cpus: 2, meshConfig: undefined });
  if ('mistakes' in configured) throw new TypeError(configured.mistakes.join(' '));
  return configured.ok;
}

const infoOf = ({ name, namespace, identity }: Workload) => ({ name, namespace, serviceAccount: identity.serviceAccount });

async function echo(netns: Netns, parts: DisposableStack): Promise<number> {
  const { fd } = listenTcp({ netns, ip: ip('::'), port: 0, reusePort: false, transparent: 'off' });
  const server = createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).pipe(socket)).listen({ fd });
  parts.defer(() => void server.close());
  await once(server, 'listening');
  const at = server.address();
  return typeof at === 'object' ? (at?.port ?? 0) : 0;
}

/** Greeting and request in one go; the answer to both is 12 bytes. */
function throughSocks5(socket: Socket, to: SocketAddress): Promise<Socket | undefined> {
  const request = Buffer.from([5, 1, 0, 5, 1, 0, 1, ...to.ip.split('.').map(Number), to.port >> 8, to.port & 255]);
  socket.write(request);
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  let answer = Buffer.alloc(0);
  const listen = (bytes: Buffer): void => {
    answer = Buffer.concat([answer, bytes]);
    if (answer.length < 12) return;
    socket.off('data', listen).pause();
    resolve(answer.length === 12 && answer[3] === 0 ? socket : undefined);
  };
  socket
    .on('data', listen)
    .on('end', () => resolve(undefined))
    .on('close', () => resolve(undefined));
  return promise;
}

async function connects(socket: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.on('connect', () => resolve(true)).on('close', () => resolve(false));
  const connected = await promise;
  socket.destroy();
  return connected;
}
