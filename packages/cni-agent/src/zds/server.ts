// The ztunnels of this node: who is connected, and which of them is told what (facts: control-plane §2.12).
// Pods are added at the newest ztunnel, since during an upgrade the older one is leaving; removals go to all. Each newcomer is told of every pod first.
// Used by enrolment.ts; one connection is connection.ts.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { type SeqPacket, SeqPacketListener } from '@ambient-mesh/host/seqpacket';
import { describeError, isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { PodInfo } from '@ambient-mesh/wire/zds/codec';
import { ZtunnelConnection } from './connection.ts';

export interface ZdsPod {
  readonly uid: string;
  readonly info: PodInfo;
  /** Undefined: enrolled as far as we know, its namespace not found yet; the ztunnel keeps what it has. */
  readonly netns: Netns | undefined;
}

export type ZdsFault = { readonly code: 'zds.no-ztunnel' };

export interface ZdsPorts {
  /** Of all pods that ztunnels should know, now. */
  readonly uids: () => Iterable<string>;
  readonly pod: (uid: string) => ZdsPod | undefined;
  readonly clock: Clock;
  /** The number is of those connected now. */
  readonly report: {
    readonly connected: (ztunnels: number) => void;
    readonly disconnected: (ztunnels: number, why: string) => void;
    readonly refusedInSnapshot: (uid: string, said: string) => void;
  };
}

/** An upgrade has two; more are a mistake of somebody's. */
const mostConnections = 8;
const pauseAfterAccept = ms(200);

interface Ztunnel {
  readonly connection: ZtunnelConnection;
  /** Pods that went while the snapshot was on its way; undefined once it is through. */
  gone: Set<string> | undefined;
}

export class ZdsServer implements AsyncDisposable {
  readonly #ports: ZdsPorts;
  readonly #listener: SeqPacketListener;
  readonly #stop = new AbortController();
  /** Oldest first. */
  readonly #ztunnels: Ztunnel[] = [];
  readonly #tasks = new Set<Promise<void>>();

  private constructor(listener: SeqPacketListener, ports: ZdsPorts) {
    this.#listener = listener;
    this.#ports = ports;
  }

  /** Makes the socket, and its folder if need be; ztunnels that connect wait. Throws HostFault. */
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

  /** Resolves when the newest ztunnel serves the pod; if that one has died meanwhile, the one before it. Throws MeshError<ZdsFault | ConnectionFault>. */
  async add({ uid, info, netns }: ZdsPod & { readonly netns: Netns }): Promise<void> {
    for (let ztunnel = this.#ztunnels.at(-1); ztunnel !== undefined; ztunnel = this.#ztunnels.at(-1)) {
      ztunnel.gone?.delete(uid);
      try {
        return await ztunnel.connection.ask(() => ({ request: { is: 'add', uid, pod: info }, fd: Netns.borrow(netns.fd) }));
      } catch (e) {
        if (!isFault(e, 'zds.broken')) throw e;
        this.#remove(ztunnel);
      }
    }
    throw new MeshError<ZdsFault>({ code: 'zds.no-ztunnel' }, 'no ztunnel is connected');
  }

  /** Resolves when all have answered, or are gone. Never rejects. */
  async del(uid: string): Promise<void> {
    await Promise.all(
      this.#ztunnels.map(({ connection, gone }) => {
        gone?.add(uid);
        return connection.ask(() => ({ request: { is: 'del', uid } })).catch(() => {});
      }),
    );
  }

  async #acceptAll(): Promise<void> {
    const { signal } = this.#stop;
    const { clock } = this.#ports;
    while (!signal.aborted) {
      const socket = await this.#listener.accept(signal).catch(() => undefined);
      if (socket !== undefined) this.#track(this.#welcome(socket));
      await clock.sleep(pauseAfterAccept, signal).catch(() => {});
    }
  }

  async #welcome(socket: SeqPacket): Promise<void> {
    const { report, clock } = this.#ports;
    using connection = new ZtunnelConnection(socket, clock);
    using _stop = onAbort(this.#stop.signal, () => connection.drop('we are stopping'));
    if (this.#ztunnels.length >= mostConnections) {
      report.disconnected(this.connected, `${mostConnections} are connected already: another one is refused`);
      return;
    }
    try {
      await connection.hello();
    } catch (e) {
      report.disconnected(this.connected, describeError(e));
      return;
    }
    const ztunnel: Ztunnel = { connection, gone: new Set() };
    this.#ztunnels.push(ztunnel);
    const uids = [...this.#ports.uids()];
    const reading = connection.read();
    await this.#tellAll(ztunnel, uids).catch(() => {});
    await reading;
    this.#remove(ztunnel);
    report.disconnected(this.connected, describeError(connection.signal.reason));
  }

  /** The snapshot. What it does not take is said and left to the queue; it goes on with the rest. */
  async #tellAll(ztunnel: Ztunnel, uids: readonly string[]): Promise<void> {
    const { connection } = ztunnel;
    for (const uid of uids) {
      await connection
        .ask(() => this.#introduction(ztunnel, uid))
        .catch((e: unknown) => {
          if (isFault(e, 'zds.broken')) throw e;
          this.#ports.report.refusedInSnapshot(uid, describeError(e));
        });
    }
    await connection.ask(() => ({ request: { is: 'snapshot-sent' } }));
    ztunnel.gone = undefined;
    this.#ports.report.connected(this.connected);
  }

  #introduction({ gone }: Ztunnel, uid: string): ReturnType<Parameters<ZtunnelConnection['ask']>[0]> {
    const pod = this.#ports.pod(uid);
    if (pod === undefined || gone?.has(uid) === true) return undefined;
    if (pod.netns === undefined) return { request: { is: 'keep', uid } };
    return { request: { is: 'add', uid, pod: pod.info }, fd: Netns.borrow(pod.netns.fd) };
  }

  #remove(ztunnel: Ztunnel): void {
    const at = this.#ztunnels.indexOf(ztunnel);
    if (at >= 0) this.#ztunnels.splice(at, 1);
  }

  /** Tasks never reject. */
  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#listener[Symbol.dispose]();
    await Promise.all(this.#tasks);
  }
}

function onAbort(signal: AbortSignal, f: () => void): Disposable {
  if (signal.aborted) f();
  signal.addEventListener('abort', f, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', f) };
}
