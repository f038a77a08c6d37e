// Keeps the tunnel connected to the CNI agent, and carries out what the session decides: starts and stops pods, answers, retries.
// Runs over a port for the packet socket (host/seqpacket in the program, a pipe in memory in tests) and a port for the pods.
// Events are taken strictly one by one, each with all that follows from it: the protocol is one request at a time.
import { fstatSync } from 'node:fs';
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Pod, type ZdsAction, type ZdsEvent, ZdsSession, type ZdsView } from './session.ts';

/** An open packet socket; one message a packet. */
export interface PacketConnection {
  /** Throws if the connection is no longer open. */
  send(bytes: Uint8Array): void;
  /** `closed` is called afterwards, once. */
  close(): void;
}

export interface PacketHandlers {
  /** The descriptors are the handler's from here on. */
  packet(bytes: Uint8Array, fds: readonly number[]): void;
  /** Called once, last; `why` is absent at an orderly end. */
  closed(why?: unknown): void;
}

export type ConnectPackets = (handlers: PacketHandlers, signal: AbortSignal) => Promise<PacketConnection>;

export interface ZdsPorts {
  readonly connect: ConnectPackets;
  /** Resolves when all of the pod's listeners are bound. On rejection `fd` is still ours, on success it is the callee's. */
  start(pod: Pod, fd: number): Promise<void>;
  /** At once: open connections of the pod are cut. */
  stop(uid: string): Promise<void>;
  closeFd(fd: number): void;
  /** Called on changes only; not ready at first. */
  ready(ready: boolean): void;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly report: ZdsReport;
}

/** What the client tells of itself; for the log. */
export interface ZdsReport {
  connected(): void;
  /** The agent cannot be reached, or the connection ended. */
  disconnected(why: string): void;
  startFailed(pod: Pod, why: string): void;
}

export interface ZdsFault {
  readonly code: 'zds.protocol';
}

const retryEvery = ms(5_000);
const longestWait = ms(15_000);
/** Packets not yet handled. An agent that waits for answers has one on its way; one that does not must not fill our descriptor table. */
const longestQueue = 64;

export class ZdsClient {
  readonly #ports: ZdsPorts;
  readonly #session = new ZdsSession();
  readonly #afterRefusal: Backoff;
  readonly #afterLoss: Backoff;
  #retry: Disposable | undefined;

  constructor(ports: ZdsPorts) {
    this.#ports = ports;
    const { random } = ports;
    this.#afterRefusal = new Backoff({ first: ms(20), max: longestWait, factor: 2, jitter: 0, random });
    this.#afterLoss = new Backoff({ first: ms(5), max: longestWait, factor: 2, jitter: 0.2, random });
  }

  /** Pods that run or are to run; the latter failed to start and are tried again every 5 s. */
  pods(): Iterable<ZdsView> {
    return this.#session.pods();
  }

  /** Runs until the signal aborts, then returns; pods go on running. Throws `zds.protocol` when the agent breaks the protocol. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wait = await this.#connection(signal);
      await this.#ports.clock.sleep(wait, signal).catch(() => {});
    }
  }

  /** One connection, from connecting to its end; returns how long to wait before the next. */
  async #connection(signal: AbortSignal): Promise<Ms> {
    const inbox = new Inbox(this.#ports.closeFd);
    let connection: PacketConnection;
    try {
      connection = await this.#ports.connect(inbox, signal);
    } catch (e) {
      if (!signal.aborted) this.#ports.report.disconnected(describeError(e));
      return this.#afterRefusal.next();
    }
    this.#afterRefusal.reset();
    this.#ports.report.connected();
    const stop = (): void => connection.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#serve(inbox, connection);
    } finally {
      signal.removeEventListener('abort', stop);
      connection.close();
      inbox.discard();
    }
    if (!signal.aborted) this.#ports.report.disconnected(inbox.why ?? 'the agent closed the connection');
    return this.#afterLoss.next();
  }

  async #serve(inbox: Inbox, connection: PacketConnection): Promise<void> {
    try {
      for (let event: ZdsEvent = { on: 'connected' }; event.on !== 'disconnected'; event = await inbox.next()) {
        await this.#handle(event, inbox, connection);
      }
    } finally {
      this.#retry?.[Symbol.dispose]();
      await this.#handle({ on: 'disconnected' }, inbox, connection);
    }
  }

  async #handle(event: ZdsEvent, inbox: Inbox, connection: PacketConnection): Promise<void> {
    for (const action of this.#session.step(event)) {
      if (action.do === 'start') await this.#handle(await this.#start(action), inbox, connection);
      else await this.#perform(action, inbox, connection);
    }
  }

  async #start({ pod, netns }: ZdsAction & { do: 'start' }): Promise<ZdsEvent> {
    try {
      await this.#ports.start(pod, netns.fd);
      return { on: 'started', uid: pod.uid };
    } catch (e) {
      const error = describeError(e);
      this.#ports.report.startFailed(pod, error);
      return { on: 'started', uid: pod.uid, error };
    }
  }

  async #perform(action: Exclude<ZdsAction, { do: 'start' }>, inbox: Inbox, connection: PacketConnection): Promise<void> {
    switch (action.do) {
      case 'send':
        return inbox.closeOnThrow(() => connection.send(action.bytes));
      case 'stop':
        return await this.#ports.stop(action.uid);
      case 'close':
        return this.#ports.closeFd(action.fd);
      case 'ready':
        if (action.ready) this.#afterLoss.reset();
        return this.#ports.ready(action.ready);
      case 'retry-later':
        this.#retry?.[Symbol.dispose]();
        this.#retry = this.#ports.clock.after(retryEvery, () => inbox.put({ on: 'retry' }));
        return;
      case 'disconnect':
        return inbox.closed(action.why);
      case 'give-up':
        throw new MeshError<ZdsFault>({ code: 'zds.protocol' }, `the CNI agent broke the protocol: ${action.why}`);
      default:
        return action satisfies never;
    }
  }
}

/** What has arrived on one connection and waits for its turn. Its end overtakes what waits: without an answer, the agent starts over. */
class Inbox implements PacketHandlers {
  readonly #closeFd: (fd: number) => void;
  readonly #events: ZdsEvent[] = [];
  #wake: (() => void) | undefined;
  #over = false;
  /** Why the connection ended, if not in an orderly way. */
  why: string | undefined;

  constructor(closeFd: (fd: number) => void) {
    this.#closeFd = closeFd;
  }

  packet(bytes: Uint8Array, fds: readonly number[]): void {
    try {
      if (this.#over) throw new Error('the connection is over');
      if (this.#events.length >= longestQueue) throw new Error(`${longestQueue} requests without waiting for an answer`);
      this.put({ on: 'packet', bytes, fds: fds.map((fd) => ({ fd, netns: identify(fd) })) });
    } catch (e) {
      for (const fd of fds) this.#closeFd(fd);
      this.closed(e);
    }
  }

  closed(why?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    if (why !== undefined) this.why = describeError(why);
    this.#wake?.();
  }

  closeOnThrow(send: () => void): void {
    try {
      send();
    } catch (e) {
      this.closed(e);
    }
  }

  put(event: ZdsEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  async next(): Promise<ZdsEvent> {
    while (!this.#over) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return { on: 'disconnected' };
  }

  /** Closes the descriptors of what was never handled. */
  discard(): void {
    this.#over = true;
    for (const event of this.#events.splice(0)) {
      if (event.on === 'packet') for (const { fd } of event.fds) this.#closeFd(fd);
    }
  }
}

/** Which namespace a descriptor means: two descriptors of one namespace have the same device and inode. */
function identify(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
