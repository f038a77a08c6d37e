// Explanations for the graph's page: what `ambientctl explain` says, of objects that are read anew now and then.
// Used by commands/dashboard.ts. How the mesh decides is translate/explain.
import type { AnswerPorts } from '@ambient-mesh/dashboard/answers';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { explainByName } from '@ambient-mesh/translate/explain/by-name';
import { type KnownMesh, meshOf } from '@ambient-mesh/translate/explain/mesh-of';
import { objectsOf } from '../explain/objects.ts';
import { settingsOf } from '../explain/settings.ts';

const keptFor = ms(5_000);

export function explained(client: KubeClient, clock: Clock, signal: AbortSignal): NonNullable<AnswerPorts['explain']> {
  let known: { readonly at: number; readonly mesh: Promise<KnownMesh> } | undefined;
  const read = async (): Promise<KnownMesh> => {
    const objects = await objectsOf(client, signal);
    return meshOf(objects, await settingsOf(client, objects, signal));
  };
  const mesh = (): Promise<KnownMesh> => {
    const now = clock.monotonic();
    if (known === undefined || now - known.at >= keptFor) {
      known = { at: now, mesh: read() };
      known.mesh.catch(() => {});
    }
    return known.mesh;
  };
  return async (asked) => {
    // All of it was read with the viewer's own rights.
    return { ...explainByName(await mesh(), asked, clock.now()), namespaces: [asked.from.namespace] };
  };
}
