// A route of the Gateway API as a whole: its parents judged, its rules translated, its status put together. The four kinds give their rules.
import type { HttpRule, Route, RouteKind, TcpRule } from '@ambient-mesh/model/l7/route';
import type { Meta } from '../kinds/meta.ts';
import type { RouteParentStatus } from '../kinds/route-parts.ts';
import { inRevision } from '../revision.ts';
import type { TranslateSettings } from '../settings.ts';
import { createdAt } from './age.ts';
import type { DestinationContext } from './route-destination.ts';
import { type Finding, isRefusal, keptOf, type Refusal, unsupported } from './route-findings.ts';
import type { RouteLookUp } from './route-look-up.ts';
import { type Attaching, judgeParents } from './route-parents.ts';
import { parentStatus } from './route-status.ts';
import { ruleTrouble } from './usable.ts';

export interface Translated {
  /** Absent when no waypoint has anything to do with it. */
  readonly route?: Route;
  /** One for each parent that is of the mesh; others are somebody else's to write. */
  readonly parents: readonly RouteParentStatus[];
}

/** What a rule is translated in. */
export interface RuleContext extends DestinationContext {
  /** Name of the rule's sessions where the object gives none. */
  readonly session: string;
}

/** What is asked of, and how. */
interface Around {
  readonly look: RouteLookUp;
  readonly settings: TranslateSettings;
}

export type GatewayRouteKind = Exclude<RouteKind, 'VirtualService'>;

/** Of one kind the rules are HTTP's, of the other they are not; the other list is empty. */
export interface WrittenRules {
  readonly http: readonly (HttpRule | Refusal)[];
  readonly tcp: readonly (TcpRule | Refusal)[];
}

/** Of other revisions: nothing at all. */
export function translateRoute(
  object: Attaching & { readonly meta: Meta },
  kind: GatewayRouteKind,
  { look, settings }: Around,
  rulesOf: (context: Pick<RuleContext, 'namespace' | 'look' | 'references'>) => WrittenRules,
): Translated {
  if (!inRevision(object.meta, settings.revision)) return { parents: [] };
  const judged = judgeParents(object, kind, look);
  if (judged.length === 0) return { parents: [] };
  const { namespace, name, generation } = object.meta;
  const references: Finding[] = [];
  const written = rulesOf({ namespace, look, references });
  const usable = written.http.map((rule) => (isRefusal(rule) ? rule : checked(rule)));
  const refused = [...usable, ...written.tcp].filter(isRefusal).map((rule) => rule.refused);
  const http = keptOf(usable);
  const tcp = keptOf(written.tcp);
  const kept = http.length + tcp.length;
  const parents = judged.flatMap((each) => each.parents);
  const statuses = judged.map((each) => parentStatus(each, { references, refused, kept }, generation));
  // A route of no rules at all is one that nothing matches; one whose rules are all refused is none.
  if (parents.length === 0 || (kept === 0 && refused.length > 0)) return { parents: statuses };
  const route = { kind, namespace, name, createdAt: createdAt(object.meta.createdAt), parents, http, tcp };
  return { route, parents: statuses };
}

function checked(rule: HttpRule): HttpRule | Refusal {
  const trouble = ruleTrouble(rule);
  return trouble === undefined ? rule : unsupported(trouble);
}

/** Of the rule at a place in its route: no other rule of the mesh has it. */
export const sessionName = ({ namespace, name }: Meta, at: number): string => `session-${namespace}-${name}-${at}`;
