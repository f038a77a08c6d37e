// What becomes of a pod that starts: it may, or it must not yet, and why. Pure; run.ts does the asking.
// Differs from Istio's plugin on purpose: the agent is asked about every pod, because it knows pods and namespaces already and a look at the
// API server per pod is spared. Only when there is no agent does the plugin look for itself, and apply the same rule (facts/enablement.ts).
import type { RawObject } from '@ambient-mesh/kube/raw';
import { isEligible } from '../facts/enablement.ts';
import { isZtunnel, namespaceKind, podKind } from '../facts/pod.ts';
import type { Answer } from './ask-agent.ts';
import { type CniError, codes, type PodRef } from './cni.ts';
import type { AddVerdict, CheckVerdict } from './event.ts';
import { agentNamespaceOf, type Settings } from './settings.ts';

/** `why` is for the log. */
export type Outcome =
  | { readonly kind: 'pass'; readonly why: string; readonly isInMesh: boolean }
  | { readonly kind: 'refuse'; readonly error: CniError };

export const pass = (why: string, isInMesh = false): Outcome => ({ kind: 'pass', why, isInMesh });

/** The agent's own pods start whatever the configuration says: nobody else could put it right. Asks nobody. */
export const isOwnAgent = (pod: PodRef, config: RawObject): boolean =>
  pod.name.startsWith('istio-cni-node-') && pod.namespace === agentNamespaceOf(config);

/** Pods about which nobody needs to be asked. */
export function exempt(pod: PodRef, { ambientEnabled, enablement }: Settings): Outcome | undefined {
  if (!ambientEnabled) return pass('ambient mode is off');
  if (enablement.excludedNamespaces.has(pod.namespace)) return pass('its namespace is excluded');
  return undefined;
}

/** To ADD. */
export function byAgent(pod: PodRef, answer: Exclude<Answer<AddVerdict>, { kind: 'absent' }>): Outcome {
  if (answer.kind === 'failed') return tryAgain(`pod ${nameOf(pod)} could not be enrolled in the mesh yet`, answer.why);
  return answer.verdict === 'in-mesh' ? pass('it is enrolled', true) : pass('it does not belong in the mesh');
}

/** What the API server said; `unknown` when it could not be asked, or knows no such pod. */
export type Look = { readonly pod: unknown; readonly namespace: unknown } | { readonly unknown: string };

/** To ADD, when there is no agent. `absence` says why. */
export function withoutAgent(pod: PodRef, look: Look, { enablement, agentNamespace, onlyWhenKnown }: Settings, absence: string): Outcome {
  const away = `the node agent (istio-cni-node) could not be contacted: ${absence}`;
  const unknown = (why: string): Outcome =>
    onlyWhenKnown
      ? tryAgain(`nobody can say whether pod ${nameOf(pod)} belongs in the mesh`, `${away}; ${why}`)
      : pass(`nobody can say whether it belongs in the mesh: ${away}; ${why}`);
  if ('unknown' in look) return unknown(look.unknown);
  const [candidate, namespace] = [podKind.narrow(look.pod), namespaceKind.narrow(look.namespace)];
  if (candidate === undefined || namespace === undefined) return unknown('the API server answered with something else than a pod');
  if (isZtunnel(candidate, agentNamespace)) return pass('it is a ztunnel');
  return isEligible(candidate, namespace.labels, enablement)
    ? tryAgain(`pod ${nameOf(pod)} belongs in the mesh, but the node agent could not be contacted`, away)
    : pass('it does not belong in the mesh; the node agent is away');
}

/** To CHECK. An agent that is away changes nothing for pods that run. */
export function checked(pod: PodRef, answer: Answer<CheckVerdict>): Outcome {
  if (answer.kind === 'absent') return pass(`the node agent could not be contacted: ${answer.why}`);
  if (answer.kind === 'failed') return tryAgain(`the mesh's rules in pod ${nameOf(pod)} could not be checked`, answer.why);
  if (answer.verdict !== 'not-enrolled') return pass(answer.verdict);
  return { kind: 'refuse', error: { code: codes.notCaptured, msg: `pod ${nameOf(pod)} belongs in the mesh, but is not enrolled` } };
}

const nameOf = ({ namespace, name }: PodRef): string => `${namespace}/${name}`;

const tryAgain = (msg: string, details: string): Outcome => ({ kind: 'refuse', error: { code: codes.tryAgainLater, msg, details } });
