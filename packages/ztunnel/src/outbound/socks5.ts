// The SOCKS5 entry of a pod (UNSTABLE_ENABLE_SOCKS5): a client names its target itself, and from there on it is like any captured connection.
// Called for each connection accepted on port 15080, which listens on the pod's loopback only. The messages are socks5-handshake.ts.
// As the reference does, success is told before the next hop is dialled; what fails later closes the connection.
import type { Socket } from 'node:net';
import { type Authority, type Family, familyOf, formatSocket, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import { dnsAnswer, kubernetesSearch } from '@ambient-mesh/model/dns-names';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { Closed, Conduit, Receiver } from '@ambient-mesh/wire/conduit';
import type { Slab } from '@ambient-mesh/wire/read-memory';
import { outboundLoop } from '../illegal-ports.ts';
import type { Pod } from '../pods/pod.ts';
import { capture } from './capture.ts';
import { relayOutbound } from './serve.ts';
import { readGreeting, readRequest, replies, replyWith, welcome } from './socks5-handshake.ts';

const longestHandshake = ms(10_000);

/** Never rejects. */
export async function serveSocks5(pod: Pod, socket: Socket): Promise<void> {
  const { memory, telemetry } = pod.shared;
  const captured = capture(socket, memory);
  if (captured === undefined) return;
  using _running = pod.drain.enter();
  using _counted = telemetry.socketOpen('source');
  const { near, from, at } = captured;
  const entered = await enter(pod, near, at);
  if ('why' in entered) {
    if (entered.refuse !== undefined) near.write(entered.refuse);
    near.close();
    telemetry.connections.refused(from, at, 'source', `SOCKS5: ${entered.why}`);
    return;
  }
  near.write(replyWith(replies.succeeded));
  await relayOutbound(pod, { near: entered.rest, from, destination: entered.destination, at });
}

type Asked = { readonly target: Authority; readonly rest: Conduit };
interface Failed {
  readonly why: string;
  /** Last words for the client, if it would understand any. */
  readonly refuse?: Buffer;
}

async function enter(
  pod: Pod,
  near: Conduit,
  at: SocketAddress,
): Promise<{ readonly destination: SocketAddress; readonly rest: Conduit } | Failed> {
  const asked = await new Handshake(near).run(pod.shared.clock, pod.drain.forced);
  if ('why' in asked) return asked;
  const destination = await locate(pod, asked.target, at);
  return 'why' in destination ? destination : { destination, rest: asked.rest };
}

async function locate(pod: Pod, target: Authority, at: SocketAddress): Promise<SocketAddress | Failed> {
  const ip = 'ip' in target ? target.ip : await resolve(pod, target.hostname, familyOf(at.ip));
  if (ip === undefined) return { why: 'the hostname does not resolve', refuse: replyWith(replies.hostUnreachable) };
  const destination = { ip, port: target.port };
  if (!outboundLoop(pod.shared.illegal, destination, at)) return destination;
  return { why: `illegal call to ${formatSocket(destination)}: that port is the tunnel's own`, refuse: replyWith(replies.notAllowed) };
}

/** By the mesh's own names first, as the pod's DNS proxy would; undefined when nobody knows the name. */
async function resolve(pod: Pod, hostname: string, family: Family): Promise<Ip | undefined> {
  const { mesh, config, random, names } = pod.shared;
  const client = await pod.self();
  if (client === undefined || config.dnsProxyAddr === undefined) return undefined;
  const found = dnsAnswer(mesh, {
    client,
    name: hostname,
    type: family === 4 ? 'A' : 'AAAA',
    clusterDomain: config.clusterDomain,
    searchDomains: kubernetesSearch(client.namespace, config.clusterDomain),
    preferredNamespace: config.preferedServiceNamespace,
    ipv6: config.ipv6Enabled,
    random,
  });
  const ips = found === 'forward' ? await names.resolve(hostname) : found.addresses;
  return ips.find((ip) => familyOf(ip) === family);
}

/** Reads both messages, then lets go of the connection with whatever bytes followed them. */
class Handshake implements Receiver {
  readonly #near: Conduit;
  readonly #outcome = Promise.withResolvers<Asked | Failed>();
  #greeted = false;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(near: Conduit) {
    this.#near = near;
  }

  async run(clock: Clock, signal: AbortSignal): Promise<Asked | Failed> {
    using _late = clock.after(longestHandshake, () => this.#fail({ why: `no request within ${longestHandshake} ms` }));
    const onAbort = (): void => this.#fail({ why: 'shutting down' });
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#near.receive(this);
    try {
      return await this.#outcome.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    slab?.release();
    if (!this.#greeted) this.#readGreeting();
    if (this.#greeted) this.#readRequest();
  }

  end(): void {
    this.#ended = true;
    this.#fail({ why: 'the client went away before its request' });
  }

  drained(): void {}

  closed(_how: Closed): void {
    this.end();
  }

  #readGreeting(): void {
    const reading = readGreeting(this.#held);
    if (reading === 'more') return;
    if ('refuse' in reading) this.#fail(reading);
    else {
      this.#held = this.#held.subarray(reading.used);
      this.#greeted = true;
      this.#near.write(welcome);
    }
  }

  #readRequest(): void {
    const reading = readRequest(this.#held);
    if (reading === 'more') return;
    if ('refuse' in reading) this.#fail(reading);
    else {
      this.#near.pause();
      this.#outcome.resolve({ target: reading.target, rest: this.#rest(this.#held.subarray(reading.used)) });
    }
  }

  #fail(failed: Failed): void {
    this.#near.pause();
    this.#outcome.resolve(failed);
  }

  /** The connection from here on: bytes sent along with the request come first. */
  #rest(unread: Buffer): Conduit {
    const near = this.#near;
    return {
      receive: (receiver) => {
        near.receive(receiver);
        if (unread.length > 0) receiver.data(unread);
        if (this.#ended) receiver.end();
      },
      pause: () => near.pause(),
      resume: () => near.resume(),
      write: (bytes, slab) => near.write(bytes, slab),
      end: () => near.end(),
      close: () => near.close(),
      abort: (why) => near.abort(why),
    };
  }
}
