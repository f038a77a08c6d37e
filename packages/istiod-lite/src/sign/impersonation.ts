// Which identity a certificate may carry: the caller's own, or for a node's tunnel that of any pod on its very node. Pure.
// Asked by certificate-service.ts for every request. Fails closed: what cannot be proved is refused (facts: control-plane §7.3).
import { parseSpiffeId, type SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Caller } from './caller.ts';

/** What the decision needs to know of a pod. */
export interface KnownPod {
  readonly uid: string;
  readonly serviceAccount: string;
  readonly node: string;
}

export interface PodsByNode {
  pod(namespace: string, name: string): KnownPod | undefined;
  /** Whether a pod that has not failed uses this account on this node. */
  runsOn(node: string, namespace: string, serviceAccount: string): boolean;
}

export interface Rules {
  /** `namespace/serviceaccount` of the node tunnels. */
  readonly trustedAccounts: ReadonlySet<string>;
  readonly trustDomain: string;
  readonly pods: PodsByNode;
}

export type Granted = { readonly identity: SpiffeId } | { readonly refused: string };

/** @param wanted the identity asked for on behalf of another; empty for the caller's own. `refused` says why, for the log. */
export function grantedIdentity(caller: Caller, wanted: string, rules: Rules): Granted {
  const [own] = caller.identities;
  if (own === undefined) return { refused: 'the caller has no identity' };
  if (wanted === '')
    return caller.identities.length === 1
      ? { identity: own }
      : { refused: 'the caller has several identities, and a certificate carries one' };
  const who = `${own.namespace}/${own.serviceAccount}`;
  if (caller.pod === undefined) return { refused: `${who} came without a token that is bound to a pod` };
  if (!rules.trustedAccounts.has(who)) return { refused: `${who} may not ask for other identities` };
  const identity = parseSpiffeId(wanted);
  if (identity === undefined || identity.namespace === '' || identity.serviceAccount === '')
    return { refused: `${JSON.stringify(wanted.slice(0, 256))} is not a SPIFFE identity of a workload` };
  if (identity.trustDomain !== rules.trustDomain)
    return { refused: `${identity.uri} is of another trust domain than ${rules.trustDomain}` };
  return onSameNode(own, caller.pod, identity, rules.pods);
}

function onSameNode(own: SpiffeId, { name, uid }: NonNullable<Caller['pod']>, identity: SpiffeId, pods: PodsByNode): Granted {
  const called = `${own.namespace}/${name}`;
  const pod = pods.pod(own.namespace, name);
  if (pod === undefined) return { refused: `the calling pod ${called} is not known` };
  if (pod.uid !== uid) return { refused: `the calling pod ${called} is another than the one that the token was made for` };
  if (pod.serviceAccount !== own.serviceAccount)
    return { refused: `the calling pod ${called} runs as ${pod.serviceAccount}, not as ${own.serviceAccount}` };
  if (pod.node === '') return { refused: `the calling pod ${called} is on no node` };
  return pods.runsOn(pod.node, identity.namespace, identity.serviceAccount)
    ? { identity }
    : { refused: `no pod of ${identity.namespace}/${identity.serviceAccount} runs on node ${pod.node}` };
}
