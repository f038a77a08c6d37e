// The authorization policies of a mesh, compiled, and which of them apply to a workload.
// Written only by mesh.ts; read by authorize.ts.
import type { Policy } from './policy.ts';
import { compilePolicy, type Test } from './policy-match.ts';
import type { Workload } from './workload.ts';

export interface CompiledPolicy {
  readonly policy: Policy;
  /** `namespace/name`: how logs and refusals call it. */
  readonly label: string;
  readonly matches: Test;
}

/** The policies that apply to one workload, by what they do. */
export interface PolicySelection {
  readonly deny: readonly CompiledPolicy[];
  readonly allow: readonly CompiledPolicy[];
  readonly dryRunDeny: readonly CompiledPolicy[];
  readonly dryRunAllow: readonly CompiledPolicy[];
  /** Keys that the workload lists and that have never been received: nobody knows what they forbid. */
  readonly neverReceived: readonly string[];
}

/** Keys of removed policies that are remembered, oldest forgotten first. A forgotten one that a workload still lists denies. */
const rememberedRemovals = 10_000;

export class PolicyStore {
  readonly #byKey = new Map<string, CompiledPolicy>();
  readonly #removed = new Set<string>();
  /** Global policies are under `undefined`. */
  readonly #byNamespace = new Map<string | undefined, Map<string, CompiledPolicy>>();
  #selections = new WeakMap<Workload, PolicySelection>();

  *all(): Generator<Policy> {
    for (const { policy } of this.#byKey.values()) yield policy;
  }

  get(key: string): Policy | undefined {
    return this.#byKey.get(key)?.policy;
  }

  /** False when it is known already, word for word. */
  put(policy: Policy): boolean {
    const previous = this.#byKey.get(policy.key);
    if (previous && JSON.stringify(previous.policy) === JSON.stringify(policy)) return false;
    if (previous) this.#unindex(previous.policy);
    const compiled = { policy, label: `${policy.namespace}/${policy.name}`, matches: compilePolicy(policy) };
    this.#byKey.set(policy.key, compiled);
    this.#removed.delete(policy.key);
    if (policy.scope !== 'WorkloadSelector') {
      const place = placeOf(policy);
      const others = this.#byNamespace.get(place) ?? new Map<string, CompiledPolicy>();
      this.#byNamespace.set(place, others.set(policy.key, compiled));
    }
    this.#selections = new WeakMap();
    return true;
  }

  /** False when it was not there. Either way it is now known to be gone, and nobody has to wait for it. */
  remove(key: string): boolean {
    this.#removed.add(key);
    const [oldest] = this.#removed;
    if (oldest !== undefined && this.#removed.size > rememberedRemovals) this.#removed.delete(oldest);
    this.#selections = new WeakMap();
    const known = this.#byKey.get(key);
    if (!known) return false;
    this.#unindex(known.policy);
    this.#byKey.delete(key);
    return true;
  }

  /** Policies of its namespace, global ones, and those that it lists. Remembered until any policy changes. */
  selectedFor(workload: Workload): PolicySelection {
    const known = this.#selections.get(workload);
    if (known) return known;
    const listed = workload.authorizationPolicies.map((key) => this.#byKey.get(key)).filter((policy) => policy !== undefined);
    const inNamespace = this.#byNamespace.get(workload.namespace)?.values() ?? [];
    const global = this.#byNamespace.get(undefined)?.values() ?? [];
    const applying = [...new Set([...inNamespace, ...global, ...listed])];
    const of = (action: Policy['action'], dryRun: boolean) =>
      applying.filter(({ policy }) => policy.action === action && policy.dryRun === dryRun);
    const selection: PolicySelection = {
      deny: of('Deny', false),
      allow: of('Allow', false),
      dryRunDeny: of('Deny', true),
      dryRunAllow: of('Allow', true),
      neverReceived: workload.authorizationPolicies.filter((key) => !this.#byKey.has(key) && !this.#removed.has(key)),
    };
    this.#selections.set(workload, selection);
    return selection;
  }

  #unindex(policy: Policy): void {
    const place = placeOf(policy);
    const others = this.#byNamespace.get(place);
    if (others?.delete(policy.key) && others.size === 0) this.#byNamespace.delete(place);
  }
}

const placeOf = ({ scope, namespace }: Policy): string | undefined => (scope === 'Global' ? undefined : namespace);
