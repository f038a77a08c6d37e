// PeerAuthentication as policies that deny plain text: which of them a workload lists, and what those for single ports say. Pure (facts: control-plane §4.3).
// Names hold an underscore, which no Kubernetes object's can: ours never meet a user's.
import type { Policy, Rule } from '@ambient-mesh/model/policy';
import type { Labels } from './kinds/meta.ts';
import type { MtlsMode, PeerAuthentication } from './kinds/peer-authentication.ts';
import { matchOf } from './policy-match.ts';
import { selects } from './selector.ts';
import type { TranslateSettings } from './settings.ts';
import { byText } from './text-order.ts';
import type { Waypoint } from './waypoint.ts';

const staticName = 'istio_converted_static_strict';
const portName = (pa: PeerAuthentication): string => `converted_peer_authentication_${pa.meta.name}`;

/** Whoever has no identity. */
const unauthenticated = matchOf({ notPrincipals: [{ presence: true }] });

/** Denies everybody without an identity. Sent as soon as there is any PeerAuthentication. */
export const staticStrictPolicy = ({ rootNamespace }: TranslateSettings): Policy =>
  converted('Deny', rootNamespace, staticName, [[[unauthenticated]]]);

/** What holds where no workload is selected: the oldest PeerAuthentication without a selector in each place. */
export interface Parents {
  readonly mesh: PeerAuthentication | undefined;
  /** Undefined in the root namespace, whose own is the mesh's. */
  readonly namespace: PeerAuthentication | undefined;
}

export function parentsOf(candidates: readonly PeerAuthentication[], namespace: string, rootNamespace: string): Parents {
  const at = (place: string): PeerAuthentication | undefined =>
    oldest(candidates.filter(({ meta, selector }) => meta.namespace === place && selector === undefined));
  return { mesh: at(rootNamespace), namespace: namespace === rootNamespace ? undefined : at(namespace) };
}

/** Whether a workload that nothing selects has to be spoken to by mutual TLS. */
function inherits({ mesh, namespace }: Parents): boolean {
  return (namespace && namespace.mode !== 'UNSET' ? namespace.mode : mesh?.mode) === 'STRICT';
}

/** Keys of the policies that a workload lists, sorted. `candidates`: of its own and of the root namespace, at least. */
export function peerAuthenticationKeys(
  candidates: readonly PeerAuthentication[],
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
  { rootNamespace }: TranslateSettings,
): readonly string[] {
  const parentStrict = inherits(parentsOf(candidates, namespace, rootNamespace));
  const own = oldest(
    candidates.filter(
      ({ meta, selector }) =>
        selector !== undefined && meta.namespace === namespace && namespace !== rootNamespace && selects(selector, labels),
    ),
  );
  const staticKey = `${rootNamespace}/${staticName}`;
  if (own === undefined) return parentStrict ? [staticKey] : [];
  const modes = [...own.ports.values()];
  const strict = own.mode === 'UNSET' ? parentStrict : own.mode === 'STRICT';
  // Where strictness is inherited, DISABLE alone opens no port, though it does beside a PERMISSIVE one: Istio has it so.
  const exempts = (mode: MtlsMode): boolean => mode === 'PERMISSIVE' || (mode === 'DISABLE' && own.mode === 'STRICT');
  const byPort = modes.some(strict ? exempts : (mode) => mode === 'STRICT');
  if (byPort) return [`${namespace}/${portName(own)}`];
  return strict ? [staticKey] : [];
}

/** For a PeerAuthentication that treats ports differently; undefined when the static policy, or none, says all of it. */
export function portPolicy(pa: PeerAuthentication, parents: Parents, { rootNamespace }: TranslateSettings): Policy | undefined {
  if (pa.selector === undefined || pa.meta.namespace === rootNamespace || pa.ports.size === 0) return undefined;
  const parentStrict = inherits(parents);
  const strict = pa.mode === 'UNSET' ? parentStrict : pa.mode === 'STRICT';
  const ports = (wanted: (mode: MtlsMode) => boolean): number[] =>
    [...pa.ports]
      .filter(([, mode]) => wanted(mode))
      .map(([port]) => port)
      .sort((a, b) => a - b);
  if (!strict) {
    const rules = ports((mode) => mode === 'STRICT').map((port): Rule => [[{ ...unauthenticated, destinationPorts: [port] }]]);
    return rules.length > 0 ? converted('Deny', pa.meta.namespace, portName(pa), rules) : undefined;
  }
  const exempt = ports((mode) => mode === 'PERMISSIVE' || mode === 'DISABLE');
  if (exempt.length === 0) return undefined;
  const others = exempt.map((port) => [matchOf({ notDestinationPorts: [port] })]);
  return converted('Deny', pa.meta.namespace, portName(pa), [[[unauthenticated], ...others]]);
}

/** Lets a waypoint's own accounts in; for meshes that want every waypoint allowed (facts: control-plane §4.4). */
export function allowWaypointPolicy(waypoint: Waypoint, { trustDomain }: TranslateSettings): Policy | undefined {
  const { namespace, name, serviceAccounts } = waypoint;
  if (serviceAccounts.length === 0) return undefined;
  const principals = serviceAccounts.map((account) => ({ exact: `${trustDomain}/ns/${namespace}/sa/${account}` }));
  return converted('Allow', namespace, `istio_allow_waypoint_${namespace}_${name}`, [[[matchOf({ principals })]]]);
}

const converted = (action: Policy['action'], namespace: string, name: string, rules: readonly Rule[]): Policy => ({
  key: `${namespace}/${name}`,
  name,
  namespace,
  scope: 'WorkloadSelector',
  action,
  rules,
  dryRun: false,
});

/** Of the same age, the first by name. */
function oldest(all: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  let found: PeerAuthentication | undefined;
  for (const pa of all) if (found === undefined || isBefore(pa, found)) found = pa;
  return found;
}

const isBefore = (a: PeerAuthentication, b: PeerAuthentication): boolean =>
  a.meta.createdAt < b.meta.createdAt || (a.meta.createdAt === b.meta.createdAt && byText(a.meta.name, b.meta.name) < 0);
