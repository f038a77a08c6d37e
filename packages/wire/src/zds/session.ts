// The tunnel's side of ZDS as a state machine: what the agent says goes in, what to do about it comes out. Pure.
// Driven by client.ts, one event at a time: every action of a step, and what follows from it, is done before the next event.
// Owns the descriptors that it is given until it says `close`, or until a pod that was started with one has started.
import { type PodInfo, readRequest, writeAck, writeHello, type ZdsRequest } from './codec.ts';

/** An open descriptor of a network namespace; `netns` says which (device and inode). */
export interface NetnsFd {
  readonly fd: number;
  readonly netns: string;
}

export interface Pod {
  readonly uid: string;
  readonly info: PodInfo;
}

export type ZdsEvent =
  | { readonly on: 'connected' }
  | { readonly on: 'packet'; readonly bytes: Uint8Array; readonly fds: readonly NetnsFd[] }
  /** How the `start` of this pod ended; `error` is absent if it runs. */
  | { readonly on: 'started'; readonly uid: string; readonly error?: string }
  | { readonly on: 'retry' }
  | { readonly on: 'disconnected' };

export type ZdsAction =
  | { readonly do: 'send'; readonly bytes: Uint8Array }
  /** To be answered by `started` before anything else. The descriptor goes with it if the pod starts, and stays here if not. */
  | { readonly do: 'start'; readonly pod: Pod; readonly netns: NetnsFd }
  /** At once, not gracefully: the pod is gone, or belongs to another namespace now. */
  | { readonly do: 'stop'; readonly uid: string }
  | { readonly do: 'close'; readonly fd: number }
  /** Whether all announced pods run. */
  | { readonly do: 'ready'; readonly ready: boolean }
  /** Ask again by a `retry` event after 5 s. Replaces an earlier request. */
  | { readonly do: 'retry-later' }
  | { readonly do: 'disconnect'; readonly why: string }
  /** The agent broke the protocol: nothing that it says can be trusted, the process ends. */
  | { readonly do: 'give-up'; readonly why: string };

/** A pod that does not run yet: being started, or failed and waiting for another try. */
interface Pending {
  readonly pod: Pod;
  readonly netns: NetnsFd;
  /** The agent waits for the outcome: the first try only. */
  readonly acknowledge: boolean;
}

export interface ZdsView {
  readonly pod: Pod;
  readonly state: 'up' | 'pending';
}

export class ZdsSession {
  /** Pods that run; they outlive connections. */
  readonly #running = new Map<string, { readonly pod: Pod; readonly netns: string }>();
  readonly #pending = new Map<string, Pending>();
  /** Uids announced or kept on this connection. */
  readonly #announced = new Set<string>();
  #snapshot = false;
  #ready = false;

  step(event: ZdsEvent): readonly ZdsAction[] {
    switch (event.on) {
      case 'connected':
        return [{ do: 'send', bytes: writeHello() }];
      case 'packet':
        return this.#packet(event.bytes, event.fds);
      case 'started':
        return this.#started(event.uid, event.error);
      case 'retry':
        return this.#retry();
      case 'disconnected':
        return this.#disconnected();
      default:
        return event satisfies never;
    }
  }

  /** For the admin page and the gauges. */
  *pods(): Generator<ZdsView> {
    for (const { pod } of this.#running.values()) yield { pod, state: 'up' };
    for (const { pod } of this.#pending.values()) yield { pod, state: 'pending' };
  }

  #packet(bytes: Uint8Array, fds: readonly NetnsFd[]): readonly ZdsAction[] {
    const request = readRequest(bytes, fds.length);
    if ('unreadable' in request) {
      const why = `unreadable packet: ${request.unreadable}`;
      return [...fds.map(closing), acknowledge(why), { do: 'disconnect', why }];
    }
    switch (request.is) {
      case 'add':
        return this.#add(request, fds[0]);
      case 'keep':
        if (this.#snapshot) return protocolError('keep after the snapshot');
        this.#announced.add(request.uid);
        return [done];
      case 'del':
        return this.#del(request.uid);
      case 'snapshot-sent':
        return this.#snapshotSent();
      default:
        return request satisfies never;
    }
  }

  #add({ uid, pod: info }: ZdsRequest & { is: 'add' }, netns: NetnsFd | undefined): readonly ZdsAction[] {
    if (netns === undefined) return protocolError('add without a network namespace');
    if (info === undefined) return [closing(netns), ...protocolError('add without workload info')];
    this.#announced.add(uid);
    const actions: ZdsAction[] = this.#dropPending(uid);
    const running = this.#running.get(uid);
    if (running?.netns === netns.netns) return [...actions, closing(netns), done, ...this.#readiness()];
    if (running !== undefined) {
      this.#running.delete(uid);
      actions.push({ do: 'stop', uid });
    }
    const pod: Pod = { uid, info };
    this.#pending.set(uid, { pod, netns, acknowledge: true });
    return [...actions, { do: 'start', pod, netns }];
  }

  #del(uid: string): readonly ZdsAction[] {
    this.#announced.delete(uid);
    const actions = this.#dropPending(uid);
    // Before the snapshot, what runs is sorted out when it arrives.
    if (this.#snapshot && this.#running.delete(uid)) actions.push({ do: 'stop', uid });
    return [...actions, done, ...this.#readiness()];
  }

  #snapshotSent(): readonly ZdsAction[] {
    if (this.#snapshot) return protocolError('a second snapshot');
    this.#snapshot = true;
    const unwanted = [...this.#running.keys()].filter((uid) => !this.#announced.has(uid));
    for (const uid of unwanted) this.#running.delete(uid);
    return [...unwanted.map((uid): ZdsAction => ({ do: 'stop', uid })), done, ...this.#readiness()];
  }

  #started(uid: string, error: string | undefined): readonly ZdsAction[] {
    const tried = this.#pending.get(uid);
    if (tried === undefined) return [];
    const answer = tried.acknowledge ? [acknowledge(error ?? '')] : [];
    if (error === undefined) {
      this.#pending.delete(uid);
      this.#running.set(uid, { pod: tried.pod, netns: tried.netns.netns });
      return [...answer, ...this.#readiness()];
    }
    this.#pending.set(uid, { ...tried, acknowledge: false });
    return [...answer, { do: 'retry-later' }, ...this.#readiness()];
  }

  #retry(): readonly ZdsAction[] {
    return [...this.#pending.values()].map(({ pod, netns }) => ({ do: 'start', pod, netns }));
  }

  #disconnected(): readonly ZdsAction[] {
    const closed = [...this.#pending.values()].map(({ netns }) => closing(netns));
    this.#pending.clear();
    this.#announced.clear();
    this.#snapshot = false;
    return [...closed, ...this.#readiness()];
  }

  #dropPending(uid: string): ZdsAction[] {
    const pending = this.#pending.get(uid);
    if (pending === undefined) return [];
    this.#pending.delete(uid);
    return [closing(pending.netns)];
  }

  /** Says so only when it changes. */
  #readiness(): readonly ZdsAction[] {
    const ready = this.#snapshot && this.#pending.size === 0;
    if (ready === this.#ready) return [];
    this.#ready = ready;
    return [{ do: 'ready', ready }];
  }
}

const closing = ({ fd }: NetnsFd): ZdsAction => ({ do: 'close', fd });
const acknowledge = (error: string): ZdsAction => ({ do: 'send', bytes: writeAck(error) });
const done = acknowledge('');

function protocolError(why: string): readonly ZdsAction[] {
  return [acknowledge(why), { do: 'give-up', why }];
}
