// Limits that each replica counts for itself. Called per request after authorization; counting is in model/l7/rate-limit.
// The counters outlive a change of configuration (LimitCounters, one per waypoint): else every push would give everybody a fresh start.
import { Buckets, type CompiledLimit, type Room } from '@ambient-mesh/model/l7/rate-limit';
import type { RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

export interface LimitRefusal {
  readonly status: 429;
  readonly headers: HeaderList;
  readonly body: string;
  /** For the access log. */
  readonly details: 'local_rate_limited' | 'request_rate_limited' | 'rate_limiter_error';
  /** `namespace/name/index` of a local limit. */
  readonly limit?: string;
}

/** Limits remembered; of more, those not compiled for longest start anew. */
const mostLimits = 10_000;

export class LimitCounters {
  readonly #buckets = new Map<string, Buckets>();

  /** The same counters for the same limit with the same numbers. */
  for({ name, limit: { requests, every, burst } }: CompiledLimit): Buckets {
    const key = `${name} ${requests} ${every} ${burst ?? requests}`;
    const buckets = this.#buckets.get(key) ?? new Buckets({ requests, every, ...(burst !== undefined && { burst }) });
    this.#buckets.delete(key);
    this.#buckets.set(key, buckets);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= mostLimits) break;
      this.#buckets.delete(oldest);
    }
    return buckets;
  }
}

export class LocalLimits {
  readonly #limits: readonly { readonly compiled: CompiledLimit; readonly buckets: Buckets }[];
  readonly #clock: Clock;

  /** `limits`: of the chain; global ones are passed over. */
  constructor(limits: readonly CompiledLimit[], counters: LimitCounters, clock: Clock) {
    this.#limits = limits.filter(({ limit }) => limit.scope === 'local').map((compiled) => ({ compiled, buckets: counters.for(compiled) }));
    this.#clock = clock;
  }

  /** Counts the request. Undefined: it may go. The first limit that is reached answers; those after it do not count the request. */
  check(facts: RequestFacts): LimitRefusal | undefined {
    for (const { compiled, buckets } of this.#limits) {
      if (!compiled.applies(facts)) continue;
      const room = buckets.take(compiled.countedUnder(facts).join('\0'), this.#clock.monotonic());
      if (!room.allowed) return refusal(compiled, room);
    }
    return undefined;
  }
}

function refusal({ name, limit }: CompiledLimit, { remaining, wait }: Room): LimitRefusal {
  return {
    status: 429,
    headers: [
      ['x-envoy-ratelimited', 'true'],
      ['x-ratelimit-limit', String(limit.requests)],
      ['x-ratelimit-remaining', String(remaining)],
      ...waitHeaders(wait),
    ],
    body: 'local_rate_limited',
    details: 'local_rate_limited',
    limit: name,
  };
}

/** A limit of none has no end to wait for. */
export function waitHeaders(wait: number): HeaderList {
  if (!Number.isFinite(wait)) return [];
  const seconds = String(Math.max(1, Math.ceil(wait / 1_000)));
  return [
    ['x-ratelimit-reset', seconds],
    ['retry-after', seconds],
  ];
}
