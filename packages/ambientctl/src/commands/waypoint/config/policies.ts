// `waypoint config policies`: whatever decides about requests beside routes: authorization, tokens, limits, plugins; and what is told of them.
import { isObject, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { bodiesOf, type WaypointDump, type WaypointView } from './dump.ts';

/** Kind of resource, its field, and what it is called in Kubernetes. */
const kinds = [
  ['authorization', 'policy', 'AuthorizationPolicy'],
  ['authentication', 'authentication', 'RequestAuthentication'],
  ['rate-limit', 'limit', 'RateLimit'],
  ['wasm', 'plugin', 'WasmPlugin'],
  ['telemetry', 'telemetry', 'Telemetry'],
] as const;

export const policies: WaypointView = {
  name: 'policies',
  aliases: ['p', 'pol', 'policy'],
  about: 'policies of every kind',
  options: [],
  answer(dump) {
    const items = all(dump);
    return {
      columns: ['KIND', 'NAMESPACE', 'NAME', 'ACTION', 'APPLIES TO'],
      rows: items.map((each) => [textOf(each.kind), textOf(each.namespace), textOf(each.name), actionOf(each), targetsOf(each)]),
      items,
    };
  },
};

const all = (dump: WaypointDump): readonly RawObject[] =>
  kinds.flatMap(([is, field, kind]) => bodiesOf(dump, is, field).map((body): RawObject => ({ kind, ...body })));

function actionOf({ action, dryRun, phase, limits, rules }: RawObject): string {
  if (typeof action === 'string') return dryRun === true ? `${action} (dry run)` : action;
  if (typeof phase === 'string') return phase;
  if (Array.isArray(limits)) return `${limits.length} limit${limits.length === 1 ? '' : 's'}`;
  return objectsOf(rules)
    .map(({ issuer }) => textOf(issuer))
    .join(',');
}

function targetsOf({ targets, namespace }: RawObject): string {
  const texts = objectsOf(targets).map((each) =>
    isObject(each)
      ? Object.entries(each)
          .map(([what, name]) => `${what} ${textOf(name)}`)
          .join(' ')
      : '',
  );
  return texts.join(', ') || `namespace ${textOf(namespace)}`;
}
