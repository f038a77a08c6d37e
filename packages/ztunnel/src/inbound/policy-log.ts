// Logs what policies said about a connection: at DEBUG, or at INFO with AUTHZ_POLICY_INFO_LOGGING. Decides nothing.
import type { PolicyNote } from '@ambient-mesh/model/authorize';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Field } from '@ambient-mesh/runtime/log';
import type { Pod } from '../pods/pod.ts';

export function notePolicies(pod: Pod, notes: readonly PolicyNote[], local: Workload): void {
  const level = pod.shared.config.authzPolicyInfoLogging ? 'info' : 'debug';
  if (!pod.policyLog.enabled(level)) return;
  for (const { message, policy } of notes) {
    const fields: Field[] = [
      ['dst.workload', local.name],
      ['dst.namespace', local.namespace],
    ];
    if (policy !== undefined) fields.push(['policy', policy]);
    pod.policyLog[level](message, fields);
  }
}
