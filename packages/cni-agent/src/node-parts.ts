// The parts that act on the node, put behind the ports of apply/: rules, namespaces, probes, ztunnels, the annotation.
// Made by app.ts once the node has shown that it can do what is needed.
import { applyRules, removeRules } from '@ambient-mesh/host/apply-rules';
import { checkRules } from '@ambient-mesh/host/check-rules';
import { Netns } from '@ambient-mesh/host/netns';
import { openRules } from '@ambient-mesh/host/open-rules';
import type { ProbeSet } from '@ambient-mesh/host/probe-set';
import { rulesGeneration } from '@ambient-mesh/host/rules-generation';
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Clock } from '@ambient-mesh/runtime/time';
import { annotator } from './apply/annotator.ts';
import type { NodeParts } from './apply/node.ts';
import type { Config } from './config.ts';
import type { Discovery } from './facts/discover.ts';
import type { ZdsServer } from './zds/server.ts';

export interface Made {
  readonly discovery: Discovery;
  readonly ztunnels: ZdsServer;
  readonly probes: ProbeSet;
  readonly client: KubeClient;
  readonly clock: Clock;
}

export const nodeParts = ({ discovery, ztunnels, probes, client, clock }: Made): NodeParts => ({
  namespaces: discovery,
  rules: { apply: applyRules, check: checkRules, open: openRules, remove: removeRules, generation: rulesGeneration },
  ztunnels,
  probes,
  annotate: annotator(client),
  clock,
});

/** The network namespace of the node itself, where its health probes come from. */
export function hostNetns({ switchToHost, hostRoot }: Pick<Config, 'switchToHost' | 'hostRoot'>): Netns {
  return Netns.open(switchToHost ? `${hostRoot}/proc/1/ns/net` : '/proc/self/ns/net');
}
