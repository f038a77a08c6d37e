// IST0171: statuses that say no. Of a live cluster only: in files a status means nothing.
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import type { Written } from '../world.ts';

export const conditions: Analyzer = {
  name: 'conditions.ConditionAnalyzer',
  about: 'no status says that something does not work',
  codes: ['IST0171'],
  *run({ written, isLive }) {
    if (isLive) for (const each of written) yield* ofObject(each);
  },
};

/** Types that mean something is wrong when they are False, by kind. */
const positive: Readonly<Record<string, readonly string[]>> = {
  Service: ['istio.io/WaypointBound'],
  ServiceEntry: ['istio.io/WaypointBound'],
  WorkloadEntry: ['istio.io/WaypointBound'],
  AuthorizationPolicy: ['ZtunnelAccepted', 'WaypointAccepted'],
  RequestAuthentication: ['WaypointAccepted'],
  WasmPlugin: ['WaypointAccepted'],
  Telemetry: ['WaypointAccepted'],
  RateLimit: ['WaypointAccepted'],
  Gateway: ['Accepted', 'Programmed', 'ResolvedRefs'],
  HTTPRoute: ['Accepted', 'ResolvedRefs'],
  GRPCRoute: ['Accepted', 'ResolvedRefs'],
};

function* ofObject({ subject, raw }: Written): Iterable<Finding> {
  const types = positive[subject.kind];
  if (types === undefined) return;
  for (const condition of conditionsOf(raw)) {
    const [type, status, reason] = [textOf(condition.type), textOf(condition.status), textOf(condition.reason)];
    if (!types.includes(type) || !(status === 'False' || reason === 'PartiallyInvalid')) continue;
    yield finding('IST0171', subject, `${type} is ${status} (${reason}): ${textOf(condition.message)}`);
  }
}

/** Routes have those of each parent. */
function conditionsOf(raw: RawObject): readonly RawObject[] {
  const status = objectOf(raw.status);
  return [status, ...listOf(status.parents)].flatMap((place) => listOf(place.conditions));
}

const listOf = (value: unknown): readonly RawObject[] => (Array.isArray(value) ? value.map(objectOf) : []);
