// Limits of requests per time: which of them a request counts for, under what, and whether there is room left. Pure.
// Used by the waypoint's filters for local limits (which count here) and global ones (which ask a service). Time is told by the caller.
import { claimAt, textsOf } from './claims.ts';
import type { Limit, RateLimit } from './policy.ts';
import type { RequestFacts } from './request-facts.ts';
import { compileRule, type RequestTest } from './request-match.ts';

export interface CompiledLimit {
  readonly limit: Limit;
  /** `namespace/name/index`: the same for as long as the object's list keeps its order. */
  readonly name: string;
  readonly applies: RequestTest;
  /** The values of `per`, in order. Texts that a client can make up are cut, so that counters stay small. */
  readonly countedUnder: (facts: RequestFacts) => readonly string[];
}

/** In doubt a request counts. `trustDomains`: the mesh's own, then its aliases. */
export function compileLimits(all: readonly RateLimit[], trustDomains: readonly string[]): readonly CompiledLimit[] {
  return all.flatMap(({ namespace, name, limits }) =>
    limits.map((limit, at) => {
      const values = limit.per.map(valueFor);
      return {
        limit,
        name: `${namespace}/${name}/${at}`,
        applies: compileRule(limit, { namespace, sees: 'token', lean: true, trustDomains }),
        countedUnder: (facts) => values.map((value) => value(facts).slice(0, longestValue)),
      };
    }),
  );
}

const longestValue = 256;

type Value = (facts: RequestFacts) => string;

const values: ReadonlyMap<string, Value> = new Map([
  ['source.principal', ({ connection }) => connection.principal ?? ''],
  ['source.namespace', ({ connection }) => connection.identity?.namespace ?? ''],
  ['source.serviceAccount', ({ connection: { identity } }) => (identity ? `${identity.namespace}/${identity.serviceAccount}` : '')],
  ['source.ip', ({ connection }) => connection.source],
  ['remote.ip', (facts) => facts.remote],
  ['destination.ip', ({ connection }) => connection.destination.ip],
  ['destination.port', ({ connection }) => String(connection.destination.port)],
  ['request.host', (facts) => facts.host],
  ['request.method', (facts) => facts.line.method],
  ['request.path', (facts) => facts.path],
  ['request.auth.principal', (facts) => [...facts.claimTexts('iss'), ...facts.claimTexts('sub')].join('/')],
]);

/** What nobody knows is the same for all: they share a counter. */
function valueFor(key: string): Value {
  const known = values.get(key);
  if (known) return known;
  const [, header] = /^request\.headers\[([^[\]]+)\]$/.exec(key) ?? [];
  if (header !== undefined) return (facts) => facts.header(header.toLowerCase()).join(',');
  const [, claim] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? [];
  const path = claim?.slice(1, -1).split('][');
  return (facts) => (path && facts.claims ? textsOf(claimAt(facts.claims, path)).join(',') : '');
}

export interface Room {
  readonly allowed: boolean;
  /** Whole requests that may still come at once. */
  readonly remaining: number;
  /** Milliseconds until there is room for one; 0 when there is. */
  readonly wait: number;
}

/** Counters remembered per limit; of more, the one not asked for longest starts anew. */
const mostCounters = 10_000;

/** Times and rates have no exact sums: without it, a client that waits as told may come too early. What is lent is taken back. */
const tolerance = 1e-4;

interface Bucket {
  tokens: number;
  /** Milliseconds. */
  at: number;
}

/** Token buckets of one limit: each holds up to `burst` requests and fills with `requests` in `every`. */
export class Buckets {
  readonly #capacity: number;
  /** Requests per millisecond. */
  readonly #rate: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ requests, every, burst = requests }: Pick<Limit, 'requests' | 'every' | 'burst'>) {
    this.#capacity = requests > 0 ? Math.max(1, burst) : 0;
    this.#rate = Math.max(0, requests) / Math.max(1, every);
  }

  /** Takes room for one request if there is any. `now`: milliseconds, never going back. */
  take(key: string, now: number): Room {
    const bucket = this.#bucket(key, now);
    bucket.tokens = Math.min(this.#capacity, bucket.tokens + (now - bucket.at) * this.#rate);
    bucket.at = now;
    const allowed = bucket.tokens >= 1 - tolerance;
    if (allowed) bucket.tokens -= 1;
    const wait = allowed ? 0 : (1 - bucket.tokens) / this.#rate;
    return { allowed, remaining: Math.floor(bucket.tokens + tolerance), wait };
  }

  /** The most recently used is last. */
  #bucket(key: string, now: number): Bucket {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#capacity, at: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= mostCounters) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
