// Which open connections a change of policies forbids: they are cut, and say so in their access line.
// Called by the engine after a delta that changed policies or a workload's list of them.
import { authorize } from '@ambient-mesh/model/authorize';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Connections, Registered } from '../connections.ts';

/** Returns those that were cut. Judged as the workload is now; one that vanished is judged as it was. */
export function recheck(mesh: Mesh, connections: Connections): readonly Registered[] {
  return [...connections.openInbound()].filter((connection) => {
    const { subject, from } = connection.entry;
    if (subject === undefined) return false;
    const workload = mesh.workload(subject.workload.uid) ?? subject.workload;
    const verdict = authorize(mesh, workload, { source: from, destination: subject.destination, identity: subject.identity });
    // A policy that is still on its way will bring a check of its own.
    if (verdict.allow || verdict.because === 'never received') return false;
    connection.cut({ because: 'policy', text: verdict.text, ...(verdict.policy !== undefined && { policy: verdict.policy }) });
    return true;
  });
}
