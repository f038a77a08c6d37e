// The ztunnels of this node: who is connected, and which of them is told what (facts: control-plane §2.12).
// Pods are added at the newest ztunnel, since during an upgrade the older one is leaving; removals go to all. Each newcomer is told of every pod,
// and so is an older one that becomes the newest again. Used by enrolment.ts; one connection is connection.ts.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { type SeqPacket, SeqPacketListener } from '@ambient-mesh/host/seqpacket';
import { describeError, isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { PodInfo } from '@ambient-mesh/wire/zds/codec';
import { type Order, ZtunnelConnection } from './connection.ts';

export interface ZdsPod {
  readonly uid: string;
  readonly info: PodInfo;
  /** Undefined: enrolled as far as we know, its namespace not found yet; the ztunnel keeps what it has. Its owner's: nothing here closes it. */
  readonly netns: Netns | undefined;
}

export type ZdsFault = { readonly code: 'zds.no-ztunnel' | 'zds.netns-gone' };

export interface ZdsPorts {
  /** Of all pods that ztunnels should know, now. A pod is among them before it is added; it may stay for a while after it was removed. */
  readonly uids: () => Iterable<string>;
  readonly pod: (uid: string) => ZdsPod | undefined;
  readonly clock: Clock;
  /** The number is of those connected now. */
  readonly report: {
    /** The newcomer has been told of every pod. */
    readonly connected: (ztunnels: number) => void;
    /** Also of one that was not let in. */
    readonly disconnected: (ztunnels: number, why: string) => void;
    /** It tries again by itself, if it has heard of the pod at all. */
    readonly refusedInSnapshot: (uid: string, said: string) => void;
  };
}

/** An upgrade has two; more are a mistake of somebody's. */
const mostConnections = 8;
const pauseAfterAccept = ms(200);

interface Ztunnel {
  readonly connection: ZtunnelConnection;
  /** Pods that it was told to serve, by uid, and the id of the namespace where. */
  readonly served: Map<string, string>;
  /** Its snapshot has ended: `keep` is forbidden from here on. */
  isSynced: boolean;
}

export class ZdsServer implements AsyncDisposable {
  readonly #ports: ZdsPorts;
  readonly #listener: SeqPacketListener;
  readonly #stop = new AbortController();
  /** Those that have said hello; oldest first. */
  readonly #ztunnels: Ztunnel[] = [];
  /** Removed, and still listed by their owner: not to be announced to anybody. */
  readonly #removed = new Set<string>();
  readonly #tasks = new Set<Promise<void>>();
  /** Connections, said hello or not. */
  #guests = 0;

  private constructor(listener: SeqPacketListener, ports: ZdsPorts) {
    this.#listener = listener;
    this.#ports = ports;
  }

  /** Makes the socket, and its folder if need be; ztunnels that connect wait. Throws HostFault, or Node's error about the folder. */
  static listen(path: string, ports: ZdsPorts): ZdsServer {
    mkdirSync(dirname(path), { recursive: true });
    return new ZdsServer(SeqPacketListener.listen(path), ports);
  }

  get connected(): number {
    return this.#ztunnels.length;
  }

  /** From now on ztunnels are let in. */
  accept(): void {
    this.#track(this.#acceptAll());
  }

  /**
   * Resolves when the newest ztunnel serves the pod, or the pod was removed meanwhile. One that is still being told of the others hears of this
   * pod in between; one that has died makes room for the one before it. The namespace need only be open now.
   * Throws MeshError<ZdsFault | ConnectionFault>; after `zds.timeout` and `zds.refused` the ztunnel may yet serve the pod.
   */
  async add({ uid, info, netns }: ZdsPod & { readonly netns: Netns }): Promise<void> {
    this.#removed.delete(uid);
    using held = reopen(netns);
    if (held === undefined) throw new MeshError<ZdsFault>({ code: 'zds.netns-gone' }, "the pod's network namespace was let go");
    for (let ztunnel = this.#ztunnels.at(-1); ztunnel !== undefined; ztunnel = this.#ztunnels.at(-1)) {
      const { connection, served } = ztunnel;
      try {
        return await connection.ask(() => serve(served, { uid, info }, Netns.borrow(held.fd)));
      } catch (e) {
        if (!isFault(e, 'zds.broken')) throw e;
        this.#remove(ztunnel);
      }
      if (!this.#isListed(uid)) return;
    }
    throw new MeshError<ZdsFault>({ code: 'zds.no-ztunnel' }, 'no ztunnel is connected');
  }

  /** Resolves when all have answered, or are gone, or are too late. Never rejects. */
  async del(uid: string): Promise<void> {
    for (const earlier of this.#removed) if (this.#ports.pod(earlier) === undefined) this.#removed.delete(earlier);
    this.#removed.add(uid);
    const order = (served: Ztunnel['served']): ReturnType<Order> => {
      served.delete(uid);
      return { request: { is: 'del', uid } };
    };
    await Promise.all(this.#ztunnels.map(({ connection, served }) => connection.ask(() => order(served)).catch(() => {})));
  }

  async #acceptAll(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, report } = this.#ports;
    while (!signal.aborted) {
      try {
        const socket = await this.#listener.accept(signal);
        if (socket !== undefined) this.#track(this.#welcome(socket));
      } catch (e) {
        if (!signal.aborted) report.disconnected(this.connected, `it cannot be let in: ${describeError(e)}`);
      }
      await clock.sleep(pauseAfterAccept, signal).catch(() => {});
    }
  }

  /** One connection, from its beginning to its end. */
  async #welcome(socket: SeqPacket): Promise<void> {
    const { report, clock } = this.#ports;
    using connection = new ZtunnelConnection(socket, clock);
    using _stop = onAbort(this.#stop.signal, () => connection.drop('we are stopping'));
    if (this.#guests >= mostConnections) {
      return report.disconnected(this.connected, `${mostConnections} are connected already: another one is refused`);
    }
    this.#guests++;
    try {
      await connection.hello();
      await this.#attend(connection);
      report.disconnected(this.connected, describeError(connection.signal.reason));
    } catch (e) {
      report.disconnected(this.connected, describeError(e));
    } finally {
      this.#guests--;
    }
  }

  async #attend(connection: ZtunnelConnection): Promise<void> {
    const ztunnel: Ztunnel = { connection, served: new Map(), isSynced: false };
    this.#ztunnels.push(ztunnel);
    await Promise.all([connection.read(), this.#greet(ztunnel)]);
    this.#remove(ztunnel);
  }

  /** The snapshot. Never rejects. */
  async #greet(ztunnel: Ztunnel): Promise<void> {
    const { connection } = ztunnel;
    await this.#introduceAll(ztunnel);
    await connection
      .ask(() => {
        ztunnel.isSynced = true;
        return { request: { is: 'snapshot-sent' } };
      })
      .catch(() => {});
    if (!connection.signal.aborted) this.#ports.report.connected(this.connected);
  }

  /** What it does not take is said and left to it and to the queue; it goes on with the rest. Never rejects. */
  async #introduceAll(ztunnel: Ztunnel): Promise<void> {
    const { connection } = ztunnel;
    for (const uid of [...this.#ports.uids()]) {
      try {
        await connection.ask(() => this.#introduction(ztunnel, uid));
      } catch (e) {
        if (connection.signal.aborted) return;
        this.#ports.report.refusedInSnapshot(uid, describeError(e));
      }
    }
  }

  /** Decided when its turn has come: a pod may have been added, moved or removed while others were told. */
  #introduction({ served, isSynced }: Ztunnel, uid: string): ReturnType<Order> {
    const pod = this.#isListed(uid) ? this.#ports.pod(uid) : undefined;
    if (pod === undefined || (pod.netns !== undefined && served.get(uid) === pod.netns.id)) return undefined;
    const netns = pod.netns && reopen(pod.netns);
    if (netns !== undefined) return serve(served, pod, netns);
    return isSynced ? undefined : { request: { is: 'keep', uid } };
  }

  #isListed(uid: string): boolean {
    return !this.#removed.has(uid) && this.#ports.pod(uid) !== undefined;
  }

  /** Whoever is the newest then has missed what was added at this one. */
  #remove(ztunnel: Ztunnel): void {
    const at = this.#ztunnels.indexOf(ztunnel);
    if (at < 0) return;
    this.#ztunnels.splice(at, 1);
    const newest = this.#ztunnels.at(-1);
    if (at === this.#ztunnels.length && newest !== undefined) this.#track(this.#introduceAll(newest));
  }

  /** Tasks never reject. */
  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#listener[Symbol.dispose]();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}

function serve(served: Ztunnel['served'], { uid, info }: Pick<ZdsPod, 'uid' | 'info'>, netns: Netns): ReturnType<Order> {
  served.set(uid, netns.id);
  return { request: { is: 'add', uid, pod: info }, fd: netns };
}

/** A descriptor of our own. Undefined: the owner has let the namespace go; the number of its descriptor may mean another one by now. */
function reopen(netns: Netns): Netns | undefined {
  try {
    const own = Netns.borrow(netns.fd);
    if (own.id === netns.id) return own;
    own[Symbol.dispose]();
  } catch {
    // Not open, or not a file that opens again.
  }
  return undefined;
}

function onAbort(signal: AbortSignal, f: () => void): Disposable {
  if (signal.aborted) f();
  signal.addEventListener('abort', f, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', f) };
}
