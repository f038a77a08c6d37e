// Explanations for the graph's page, of what the control plane knows at the moment: the same as `ambientctl explain` gives.
// Made by graph.ts. How the mesh decides is translate/explain.
import type { AnswerPorts } from '@ambient-mesh/dashboard/answers';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { explainByName } from '@ambient-mesh/translate/explain/by-name';
import { type KnownMesh, meshOfNarrowed } from '@ambient-mesh/translate/explain/mesh-of';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import type { Feed } from './feed/feed.ts';

export interface ExplainParts {
  readonly feed: Feed;
  readonly settings: TranslateSettings;
  readonly clock: Clock;
}

/** The mesh is worked out anew for an answer, which must not hold up the clients of a large one. */
const mostPods = 5_000;
const keptFor = ms(5_000);

export function explainer({ feed, settings, clock }: ExplainParts): NonNullable<AnswerPorts['explain']> {
  let known: { readonly at: Ms; readonly mesh: KnownMesh } | undefined;
  return async (asked) => {
    if (feed.stores.pods.size > mostPods) return { error: `of more than ${mostPods} pods, ask "ambientctl explain"`, namespaces: [] };
    const now = clock.monotonic();
    if (known === undefined || now - known.at >= keptFor)
      known = { at: now, mesh: meshOfNarrowed((table) => feed.discovered(table), settings) };
    return explainByName(known.mesh, asked, clock.now());
  };
}
