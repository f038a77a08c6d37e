// What one client is sent next, over all types: order between types, a window of unacknowledged responses, nonces and their answers. Pure.
// Owned by server.ts, which sends what `next` says. A client never sees a workload refer to a policy that it has not been sent:
// what exists of an earlier type goes first, what is gone of it goes last.
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Portion, PortionLimits, ServedType } from './served-type.ts';

export interface Sending extends Portion {
  readonly typeUrl: string;
  readonly nonce: string;
}

export interface Answered {
  /** `stale`: of no response that is waiting; nothing follows from it. */
  readonly as: 'acked' | 'refused' | 'stale';
  /** When the oldest change in the response came; undefined for answers to requests. */
  readonly since?: Ms;
}

/** How things stand with one type, for the debug page. */
export interface TypeView {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  readonly subscribed: number;
  readonly sent: number;
  readonly acked: number;
  readonly unanswered: number;
  readonly pending: number;
  readonly lastNonce: string;
  /** Kept after the client has taken something newer: what `refused` says counts. */
  readonly lastRefusal: string;
  /** Whether the last answer was a refusal. */
  readonly refused: boolean;
  /** Since the last answer; undefined without any. */
  readonly answeredAgo: Ms | undefined;
  /** Since the oldest response without an answer was sent; undefined when none waits. */
  readonly unansweredFor: Ms | undefined;
}

interface Channel {
  readonly type: ServedType;
  /** Responses without an answer: nonce to when sent, and since when. */
  readonly waiting: Map<string, { readonly sent: Ms; readonly since: Ms | undefined }>;
  since: Ms | undefined;
  sent: number;
  acked: number;
  lastNonce: string;
  lastRefusal: string;
  refused: boolean;
  answeredAt: Ms | undefined;
}

/** Responses of one type under way: enough to keep a snapshot flowing, few enough that a slow client's changes merge. */
const window = 4;

export class ServedClient {
  /** Types in the order in which they refer to each other: later ones refer to earlier ones. */
  readonly #order: readonly string[];
  readonly #channels: Map<string, Channel> = new Map();
  #held = true;
  #nonce = 0;

  constructor(order: readonly string[]) {
    this.#order = order;
  }

  /** The first request of a type. */
  open(typeUrl: string, type: ServedType): void {
    const counts = { sent: 0, acked: 0, lastNonce: '', lastRefusal: '', refused: false, answeredAt: undefined };
    this.#channels.set(typeUrl, { type, waiting: new Map(), since: undefined, ...counts });
  }

  type(typeUrl: string): ServedType | undefined {
    return this.#channels.get(typeUrl)?.type;
  }

  /** A client that subscribed to a type, but not to an earlier one, is waited for no longer. */
  release(): void {
    this.#held = false;
  }

  /** Whether something waits for `release`. */
  get holds(): boolean {
    return this.#held && [...this.#channels.keys()].some((typeUrl) => this.#lacksEarlier(typeUrl));
  }

  changed(typeUrl: string, names: Iterable<string>, since: Ms): void {
    const channel = this.#channels.get(typeUrl);
    if (channel === undefined) return;
    channel.type.changed(names);
    if (channel.type.owes()) channel.since ??= since;
  }

  answer(typeUrl: string, nonce: string, refusal: string | undefined, now: Ms): Answered {
    const channel = this.#channels.get(typeUrl);
    const waiting = channel?.waiting.get(nonce);
    if (channel === undefined || waiting === undefined) return { as: 'stale' };
    // Answers come in order: those before it will not be answered any more.
    for (const earlier of channel.waiting.keys()) {
      channel.waiting.delete(earlier);
      channel.acked += 1;
      if (earlier === nonce) break;
    }
    channel.answeredAt = now;
    channel.refused = refusal !== undefined;
    if (refusal === undefined) return { as: 'acked', ...(waiting.since !== undefined && { since: waiting.since }) };
    channel.lastRefusal = refusal;
    return { as: 'refused' };
  }

  /** When the oldest response without an answer was sent. */
  get oldestUnanswered(): Ms | undefined {
    let oldest: Ms | undefined;
    for (const { waiting } of this.#channels.values())
      for (const { sent } of waiting.values()) if (oldest === undefined || sent < oldest) oldest = sent;
    return oldest;
  }

  /** What to send now; undefined when nothing is owed or the client has to answer first. */
  next(limits: PortionLimits, now: Ms): Sending | undefined {
    const open = this.#order.flatMap((typeUrl) => this.#channels.get(typeUrl) ?? []);
    for (const channel of open) {
      // What exists is sent before whatever may refer to it; if that has to wait, so has everything after it.
      if (!channel.type.owes(false)) continue;
      if (this.#held && this.#lacksEarlier(this.#urlOf(channel))) return undefined;
      return channel.waiting.size < window ? this.#take(channel, limits, now, false) : undefined;
    }
    for (const channel of open.toReversed()) {
      if (!channel.type.owes()) continue;
      return channel.waiting.size < window ? this.#take(channel, limits, now, true) : undefined;
    }
    return undefined;
  }

  views(now: Ms): readonly TypeView[] {
    return [...this.#channels].map(([typeUrl, { type, waiting, sent, acked, lastNonce, lastRefusal, refused, answeredAt }]) => {
      const [oldest] = waiting.values();
      return {
        typeUrl,
        wildcard: type.wildcard,
        subscribed: type.subscribed,
        sent,
        acked,
        unanswered: waiting.size,
        pending: type.pending,
        lastNonce,
        lastRefusal,
        refused,
        answeredAgo: answeredAt === undefined ? undefined : ms(now - answeredAt),
        unansweredFor: oldest === undefined ? undefined : ms(now - oldest.sent),
      };
    });
  }

  #take(channel: Channel, limits: PortionLimits, now: Ms, removals: boolean): Sending | undefined {
    const portion = channel.type.next(limits, removals);
    if (portion === undefined) return undefined;
    const nonce = String(++this.#nonce);
    channel.waiting.set(nonce, { sent: now, since: channel.since });
    if (!channel.type.owes()) channel.since = undefined;
    channel.sent += portion.resources.length + portion.removed.length;
    channel.lastNonce = nonce;
    return { ...portion, nonce, typeUrl: this.#urlOf(channel) };
  }

  #urlOf(channel: Channel): string {
    for (const [typeUrl, each] of this.#channels) if (each === channel) return typeUrl;
    return '';
  }

  #lacksEarlier(typeUrl: string): boolean {
    const at = this.#order.indexOf(typeUrl);
    return this.#order.slice(0, at).some((earlier) => !this.#channels.has(earlier));
  }
}
