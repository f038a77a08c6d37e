// What the status of a route of the Gateway API says of one parent (facts: control-plane §4.6, gateway-api-mesh §3.8). Pure.
import type { Condition } from '../kinds/meta.ts';
import type { RouteParentStatus } from '../kinds/route-parts.ts';
import type { Finding, RuleFindings } from './route-findings.ts';
import type { JudgedParent } from './route-parents.ts';

export function parentStatus(parent: JudgedParent, rules: RuleFindings, observedGeneration: number): RouteParentStatus {
  const { parentRef, waypoints } = parent;
  const condition = (type: string, status: boolean, { reason, message }: Finding): Condition => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
    observedGeneration,
  });
  const refused = parent.refused ?? (rules.kept === 0 ? together(rules.refused) : undefined);
  const unresolved = together(rules.references);
  const dropped = refused === undefined ? together(rules.refused) : undefined;
  return {
    parentRef,
    conditions: [
      condition('Accepted', refused === undefined, refused ?? { reason: 'Accepted', message: 'Route was valid' }),
      condition('ResolvedRefs', unresolved === undefined, unresolved ?? { reason: 'ResolvedRefs', message: 'All references resolved' }),
      condition('ResolvedWaypoints', true, { reason: 'ResolvedWaypoints', message: waypoints }),
      ...(dropped
        ? [condition('PartiallyInvalid', true, { reason: 'UnsupportedValue', message: `Dropped Rule(s): ${dropped.message}` })]
        : []),
    ],
  };
}

/** A status is no place for pages: so many findings are told. */
const told = 8;

/** The first one's reason, and what there is to say of all; undefined without any. */
function together(findings: readonly Finding[]): Finding | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  const messages = [...new Set(findings.map(({ message }) => message))];
  const more = messages.length > told ? `; and ${messages.length - told} more` : '';
  return { reason: first.reason, message: messages.slice(0, told).join('; ') + more };
}
