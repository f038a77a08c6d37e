// The steps of a request that keep something from one request to the next: keys of issuers, counters of limits, services that are asked.
// One instance per process, made by app.ts; each step is a file of this folder, and route/ calls them in the fixed order of the chain.
// What was compiled for a chain is kept as long as its rules are (world.ts makes new ones when anything changes).
import { deniedText, type ProviderToAsk, providersFor } from '@ambient-mesh/model/l7/authorize-request';
import { applyEdit } from '@ambient-mesh/model/l7/header-edit';
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import { compileLimits } from '@ambient-mesh/model/l7/rate-limit';
import { RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Clock } from '@ambient-mesh/runtime/time';
import { caller } from '../dispatch/caller.ts';
import type { Destinations } from '../dispatch/destinations.ts';
import type { FetchBytes } from '../dispatch/fetch-text.ts';
import type { Inlet } from '../inlet.ts';
import type { Logger } from '../log.ts';
import type { Answer } from '../route/answer.ts';
import type { Draft } from '../route/draft.ts';
import type { Rules, World } from '../world.ts';
import type { Call } from './call.ts';
import { type Decision, ExternalAuthorizer } from './external-authorization.ts';
import { GlobalLimits } from './global-limits.ts';
import { changedHeaders } from './header-changes.ts';
import { KeyRing } from './jwks.ts';
import { JwtFilter } from './jwt.ts';
import { LimitCounters, LocalLimits } from './local-limits.ts';
import type { Question } from './question.ts';
import { meshPlugins } from './wasm/mesh-plugins.ts';
import type { Plugins } from './wasm/plugins.ts';

export interface FilterParts {
  readonly world: World;
  readonly destinations: Destinations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetchBytes: FetchBytes;
  readonly metrics: Metrics;
}

/** What a step says: nothing, or an answer that ends the request. */
type Said = Answer | undefined;

interface Limits {
  readonly local: LocalLimits;
  readonly global: GlobalLimits;
}

export class Filters implements Disposable {
  readonly #parts: FilterParts;
  readonly #keys: KeyRing;
  readonly #counters = new LimitCounters();
  readonly #tokens = new WeakMap<Rules, JwtFilter>();
  readonly #limits = new WeakMap<Rules, Limits>();
  readonly #call: Call;
  readonly #plugins: Plugins;

  constructor(parts: FilterParts) {
    this.#parts = parts;
    this.#plugins = meshPlugins(parts);
    const { clock, log, fetchBytes, destinations } = parts;
    this.#keys = new KeyRing({
      fetch: async (url, limits) => (await fetchBytes(url, limits)).toString('utf8'),
      clock,
      failed: (url, why) => log.warn({ url, why }, 'keys of a token issuer could not be fetched'),
    });
    this.#call = caller(destinations);
  }

  /** CUSTOM policies: services outside decide. */
  async askOutside(draft: Draft, { http }: Rules): Promise<Said> {
    for (const asked of providersFor(http, draft.facts)) {
      const authorizer = this.#authorizerFor(asked, draft.inlet);
      if (authorizer === 'dry run') continue;
      if (typeof authorizer !== 'object') {
        draft.details = authorizer(asked.rule);
        return { status: 403, body: deniedText };
      }
      const body = authorizer.bodyBytes > 0 && !draft.request.bodyless ? { body: await draft.peek(authorizer.bodyBytes) } : {};
      const question = { connection: this.#connectionOf(draft.inlet), request: requestOf(draft), ...body };
      const decision = await authorizer.decide(question, draft.gone);
      this.#told(asked.provider, decision);
      if (!decision.allow) {
        draft.flags.push('UAEX');
        draft.details = decision.details;
        return { status: decision.status, headers: decision.headers, body: decision.body };
      }
      draft.change({ headers: applyEdit(draft.head.headers, decision.request).headers });
      if (decision.response.length > 0) draft.responseChanges.push((headers) => changedHeaders(headers, decision.response));
    }
    return undefined;
  }

  /** The same for a connection that is not HTTP. Undefined: it may go on; otherwise why not, for the access log. */
  async askAboutConnection(inlet: Inlet, { tcp }: Rules, signal: AbortSignal): Promise<string | undefined> {
    for (const asked of providersFor(tcp, new RequestFacts(inlet.facts))) {
      const authorizer = this.#authorizerFor(asked, inlet);
      if (authorizer === 'dry run') continue;
      if (typeof authorizer !== 'object') return authorizer(asked.rule);
      const decision = await authorizer.decide({ connection: this.#connectionOf(inlet) }, signal);
      this.#told(asked.provider, decision);
      if (!decision.allow) return decision.details;
    }
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

  async limit(draft: Draft, rules: Rules): Promise<Said> {
    if (rules.limits.length === 0) return undefined;
    const { local, global } = this.#limitsOf(rules);
    const refused = local.check(draft.facts) ?? (await global.check(draft.facts, draft.gone));
    if (refused === undefined) return undefined;
    draft.flags.push(refused.details === 'rate_limiter_error' ? 'RLSE' : 'RL');
    draft.details = refused.limit === undefined ? refused.details : `${refused.details}[${refused.limit}]`;
    return { status: refused.status, headers: refused.headers, body: refused.body };
  }

  runPlugins(draft: Draft, rules: Rules, phase: WasmFilter['phase']): Promise<Said> {
    return this.#plugins.run(draft, rules, phase);
  }

  /** What the waypoint has been told has changed. */
  worldChanged(): void {
    const { world } = this.#parts;
    this.#plugins.follow(world.plugins, (plugin) => world.isOnEveryChain(plugin));
  }

  [Symbol.dispose](): void {
    this.#plugins[Symbol.dispose]();
    this.#keys[Symbol.dispose]();
  }

  /** Or what stands for it: nobody is asked in a dry run, and a provider that does not exist denies. */
  #authorizerFor({ provider: name, rule, dryRun }: ProviderToAsk, { client }: Inlet): ExternalAuthorizer | 'dry run' | typeof badAction {
    const { world, clock, log } = this.#parts;
    if (dryRun) {
      log.info({ client: client.uri, rule }, 'dry run of a policy: a provider would have been asked');
      return 'dry run';
    }
    const provider = world.provider(name);
    const asks = provider?.kind === 'ext-authz-http' || provider?.kind === 'ext-authz-grpc';
    return asks ? new ExternalAuthorizer(provider, this.#call, clock) : badAction;
  }

  #connectionOf({ from, client, facts }: Inlet): Question['connection'] {
    const ownPrincipal = this.#parts.world.self.identity.uri;
    return { source: from, destination: facts.destination, principal: client.uri, ownPrincipal, sni: facts.sni };
  }

  #told(provider: string, { failed }: Decision): void {
    if (failed !== undefined) this.#parts.log.warn({ provider, why: failed }, 'external authorization gave no answer');
  }

  #limitsOf(rules: Rules): Limits {
    const known = this.#limits.get(rules);
    if (known !== undefined) return known;
    const { world, clock, log } = this.#parts;
    const { trustDomain, trustDomainAliases, providers } = world.settings;
    const compiled = compileLimits(rules.limits, [trustDomain, ...trustDomainAliases]);
    const failed = (provider: string, why: string): void => log.warn({ provider, why }, 'a service for rate limits gave no answer');
    const limits = {
      local: new LocalLimits(compiled, this.#counters, clock),
      global: new GlobalLimits(compiled, providers, { call: this.#call, failed }),
    };
    this.#limits.set(rules, limits);
    return limits;
  }
}

function requestOf({ head, request, header }: Draft): NonNullable<Question['request']> {
  return {
    id: header('x-request-id') ?? '',
    method: head.method,
    scheme: head.scheme,
    host: head.authority,
    path: head.path,
    protocol: request.version,
    headers: head.headers,
  };
}

const badAction = (rule: string): string => `rbac_access_denied_matched_policy[${rule}-deny-due-to-bad-CUSTOM-action]`;
