// Limits that a service counts for all replicas (Envoy's rate limit protocol, version 3): one question per service and request.
// Called per request after local limits. What a request counts for is in model/l7/rate-limit.
// The service sees, per limit, `generic_key` = `namespace/name/index`, then each of `per` with its value.
import type { CompiledLimit } from '@ambient-mesh/model/l7/rate-limit';
import type { RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Provider } from '@ambient-mesh/model/l7/settings';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import {
  decodeShouldRateLimit,
  encodeShouldRateLimit,
  type RateLimitAnswer,
  shouldRateLimitPath,
} from '@ambient-mesh/wire/external/should-rate-limit';
import { type Call, type CallFault, callUnary } from './call.ts';
import { isSayable } from './header-changes.ts';
import { type LimitRefusal, waitHeaders } from './local-limits.ts';

type LimitProvider = Extract<Provider, { readonly kind: 'rate-limit' }>;

interface Group {
  /** Undefined: no such provider; the same as one that never answers. */
  readonly provider: LimitProvider | undefined;
  readonly name: string;
  readonly failOpen: boolean;
  readonly limits: CompiledLimit[];
}

export interface GlobalLimitPorts {
  readonly call: Call;
  /** Told of each question without an answer. */
  readonly failed: (provider: string, why: string) => void;
}

export class GlobalLimits {
  readonly #groups: readonly Group[];
  readonly #ports: GlobalLimitPorts;

  /** `limits`: of the chain; local ones are passed over. */
  constructor(limits: readonly CompiledLimit[], providers: readonly Provider[], ports: GlobalLimitPorts) {
    const groups = new Map<string, Group>();
    for (const compiled of limits) {
      const { scope, provider: name = '', failOpen = true } = compiled.limit;
      if (scope !== 'global') continue;
      const provider = providers.find((each): each is LimitProvider & { name: string } => each.kind === 'rate-limit' && each.name === name);
      const group = groups.get(`${failOpen} ${name}`) ?? { provider, name, failOpen, limits: [] };
      group.limits.push(compiled);
      groups.set(`${failOpen} ${name}`, group);
    }
    this.#groups = [...groups.values()];
    this.#ports = ports;
  }

  /** Counts the request. Undefined: it may go. Rejects only when `signal` aborts. */
  async check(facts: RequestFacts, signal: AbortSignal): Promise<LimitRefusal | undefined> {
    for (const group of this.#groups) {
      const limits = group.limits.filter(({ applies }) => applies(facts));
      const refused = limits.length === 0 ? undefined : await this.#ask(group, limits, facts, signal);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  async #ask(group: Group, limits: readonly CompiledLimit[], facts: RequestFacts, signal: AbortSignal): Promise<LimitRefusal | undefined> {
    try {
      const { provider } = group;
      if (provider === undefined) throw new MeshError<CallFault>({ code: 'call.failed' }, 'there is no such provider of rate limits');
      const message = encodeShouldRateLimit(
        provider.domain,
        limits.map((compiled) => describe(compiled, facts)),
      );
      const answer = decodeShouldRateLimit(
        await callUnary(this.#ports.call, provider, { path: shouldRateLimitPath, message, timeout: provider.timeout }, signal),
      );
      if (answer === undefined) throw new MeshError<CallFault>({ code: 'call.failed' }, 'the answer is no RateLimitResponse');
      return answer.allow ? undefined : refusal(answer);
    } catch (e) {
      signal.throwIfAborted();
      this.#ports.failed(group.name, describeError(e));
      return group.failOpen ? undefined : { status: 429, headers: [], body: '', details: 'rate_limiter_error' };
    }
  }
}

function describe({ limit, name, countedUnder }: CompiledLimit, facts: RequestFacts) {
  const values = countedUnder(facts);
  const entries = [['generic_key', name] as const, ...limit.per.map((key, at) => [key, values[at] ?? ''] as const)];
  return { entries, requests: limit.requests, every: limit.every };
}

function refusal({ headers, body, wait }: RateLimitAnswer): LimitRefusal {
  const said = headers.map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name, value]) => isSayable(name, value));
  const told = new Set(said.map(([name]) => name));
  const waits = wait === undefined ? [] : waitHeaders(wait).filter(([name]) => !told.has(name));
  return {
    status: 429,
    headers: [['x-envoy-ratelimited', 'true'], ...said, ...waits],
    body: Buffer.from(body).toString(),
    details: 'request_rate_limited',
  };
}
