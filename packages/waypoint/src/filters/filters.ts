// The steps of a request that keep something from one request to the next: keys of issuers, counters of limits, services that are asked.
// One instance per process, made by app.ts; each step is a file of this folder, and route/ calls them in the fixed order of the chain.

import { applyEdit } from '@ambient-mesh/model/l7/header-edit';
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { Destinations } from '../dispatch/destinations.ts';
import type { Logger } from '../log.ts';
import type { Answer } from '../route/answer.ts';
import type { Draft } from '../route/draft.ts';
import type { Rules, World } from '../world.ts';
import { type FetchText, KeyRing } from './jwks.ts';
import { JwtFilter } from './jwt.ts';

export interface FilterParts {
  readonly world: World;
  readonly destinations: Destinations;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly fetchText: FetchText;
}

/** What a step says: nothing, or an answer that ends the request. */
type Said = Answer | undefined;

export class Filters implements Disposable {
  readonly #parts: FilterParts;
  readonly #keys: KeyRing;
  readonly #tokens = new WeakMap<Rules, JwtFilter>();

  constructor(parts: FilterParts) {
    this.#parts = parts;
    const { clock, log, fetchText } = parts;
    this.#keys = new KeyRing({
      fetch: fetchText,
      clock,
      failed: (url, why) => log.warn({ url, why }, 'keys of a token issuer could not be fetched'),
    });
  }

  /** CUSTOM policies: services outside decide. */
  async askOutside(_draft: Draft, _rules: Rules): Promise<Said> {
    return undefined;
  }

  async checkTokens(draft: Draft, rules: Rules): Promise<Said> {
    if (rules.authentication.length === 0) return undefined;
    const filter = this.#tokens.get(rules) ?? new JwtFilter(rules.authentication, this.#keys, this.#parts.clock);
    this.#tokens.set(rules, filter);
    const { method, authority, path, headers, scheme } = draft.head;
    const outcome = await filter.check({ method, scheme, host: authority, path, headers });
    if (!outcome.accepted) {
      draft.details = outcome.details;
      return { status: outcome.status, headers: outcome.headers, body: outcome.body };
    }
    draft.change({ headers: applyEdit(headers, outcome.edit).headers, path: outcome.path });
    draft.accept(outcome.claims);
    return undefined;
  }

  async limit(_draft: Draft, _rules: Rules): Promise<Said> {
    return undefined;
  }

  async runPlugins(_draft: Draft, _rules: Rules, _phase: WasmFilter['phase']): Promise<Said> {
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }
}
