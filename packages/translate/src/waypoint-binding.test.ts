// Who goes through which waypoint: rules 1 to 7, and canaries.
import { describe, expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import { metaOf, namespaceOf, waypointOf } from './testing/services.ts';
import type { Binding, Waypoint } from './waypoint.ts';
import { type BoundTraffic, bindingOf, type Subject, weightOf } from './waypoint-binding.ts';

const use = 'istio.io/use-waypoint';
const useNamespace = 'istio.io/use-waypoint-namespace';
const useCanary = 'istio.io/use-waypoint-canary';
const useCanaryNamespace = 'istio.io/use-waypoint-canary-namespace';
const weight = 'istio.io/use-waypoint-canary-weight';

const known: ReadonlyMap<string, Waypoint> = new Map(
  [
    waypointOf(),
    waypointOf({ name: 'canary' }),
    waypointOf({ name: 'all', trafficType: 'all' }),
    waypointOf({ name: 'workloads', trafficType: 'workload' }),
    waypointOf({ name: 'nothing', trafficType: 'none' }),
    waypointOf({ namespace: 'other', name: 'open' }),
    waypointOf({ namespace: 'other', name: 'shut', allowed: { from: 'Same' } }),
  ].map((each) => [`${each.namespace}/${each.name}`, each]),
);

interface Case {
  readonly kind?: Subject['kind'];
  readonly visibility?: 'Namespace';
  readonly labels?: Labels;
  readonly annotations?: Labels;
  /** Of the namespace. */
  readonly inherited?: Labels;
  readonly traffic?: BoundTraffic;
}

/** As `name`, `name weight+canary`, `reason` or `name reason`; `''` is no waypoint and no error. */
function written({ waypoint, error, canary, canaryError }: Binding): string {
  const of = ({ namespace, name }: Waypoint) => (namespace === 'ns' ? name : `${namespace}/${name}`);
  return [waypoint && of(waypoint), error?.reason, canary && `${canary.weight}% ${of(canary.waypoint)}`, canaryError?.reason]
    .filter((each) => each !== undefined)
    .join(' ');
}

function bind({ kind = 'Service', visibility, labels = {}, annotations = {}, inherited, traffic = 'service' }: Case) {
  const asked: string[] = [];
  const namespace = inherited && namespaceOf('ns', inherited, inherited);
  const subject: Subject = { kind, meta: metaOf({ labels, annotations }), ...(visibility && { visibility }) };
  const binding = bindingOf(subject, namespace, traffic, (name) => {
    asked.push(name);
    return known.get(name);
  });
  return { binding, asked };
}

const rules: readonly (readonly [rule: string, given: Case, want: string])[] = [
  ['nobody asks: nothing', {}, ''],
  ['a namespace that is not known asks for nothing', { labels: {} }, ''],
  ['1: the own label', { labels: { [use]: 'waypoint' } }, 'waypoint'],
  ['1: in the namespace that a second label names', { labels: { [use]: 'open', [useNamespace]: 'other' } }, 'other/open'],
  ['1: an empty namespace is the own one', { labels: { [use]: 'waypoint', [useNamespace]: '' } }, 'waypoint'],
  ['1: the second label alone asks for nothing', { labels: { [useNamespace]: 'other' } }, ''],
  ['1: none is no waypoint, whatever the namespace says', { labels: { [use]: 'none' }, inherited: { [use]: 'waypoint' } }, ''],
  ['2: the label of the namespace', { inherited: { [use]: 'waypoint' } }, 'waypoint'],
  ['2: with its own second label', { inherited: { [use]: 'open', [useNamespace]: 'other' } }, 'other/open'],
  ['2: none on the namespace is no waypoint', { inherited: { [use]: 'none' } }, ''],
  ['2: the own label first', { labels: { [use]: 'all' }, inherited: { [use]: 'waypoint' } }, 'all'],
  ['2: labels of the two are not mixed', { labels: { [use]: 'waypoint' }, inherited: { [use]: 'x', [useNamespace]: 'other' } }, 'waypoint'],
  ['3: one that is not ready is an error', { labels: { [use]: 'absent' } }, 'WaypointIsNotReady'],
  ['3: an empty name is never ready', { labels: { [use]: '' } }, 'WaypointIsNotReady'],
  ['3: and no way back to the namespace', { labels: { [use]: 'absent' }, inherited: { [use]: 'waypoint' } }, 'WaypointIsNotReady'],
  ['3: the namespace is refused', { labels: { [use]: 'shut', [useNamespace]: 'other' } }, 'AttachmentDenied'],
  ['4: a service wants a waypoint for services', { labels: { [use]: 'workloads' } }, 'UnsupportedTrafficType'],
  ['4: or for all', { labels: { [use]: 'all' } }, 'all'],
  ['4: one for nothing serves nobody', { labels: { [use]: 'nothing' } }, 'UnsupportedTrafficType'],
  ['4: of the namespace as well', { inherited: { [use]: 'workloads' } }, 'UnsupportedTrafficType'],
  ['4: a workload wants one for workloads', { kind: 'Pod', traffic: 'workload', labels: { [use]: 'workloads' } }, 'workloads'],
  ['4: or for all, of the namespace too', { kind: 'Pod', traffic: 'workload', inherited: { [use]: 'all' } }, 'all'],
  ['4: its own label may be wrong', { kind: 'Pod', traffic: 'workload', labels: { [use]: 'waypoint' } }, 'UnsupportedTrafficType'],
  ['4: that of its namespace is meant for others', { kind: 'WorkloadEntry', traffic: 'workload', inherited: { [use]: 'waypoint' } }, ''],
  [
    '4: other errors of the namespace are its own',
    { kind: 'Pod', traffic: 'workload', inherited: { [use]: 'absent' } },
    'WaypointIsNotReady',
  ],
  ['5: the service of a waypoint has none', { labels: { [use]: 'waypoint', 'gateway.istio.io/managed': 'istio.io-mesh-controller' } }, ''],
  [
    '5: nor that of an east-west gateway',
    { inherited: { [use]: 'waypoint' }, labels: { 'gateway.istio.io/managed': 'istio.io-eastwest-controller' } },
    '',
  ],
  [
    '5: that of an ingress gateway may',
    { labels: { [use]: 'waypoint', 'gateway.istio.io/managed': 'istio.io-gateway-controller' } },
    'waypoint',
  ],
  [
    '6: an entry for its namespace alone stays in it',
    { kind: 'ServiceEntry', visibility: 'Namespace', labels: { [use]: 'open', [useNamespace]: 'other' } },
    'CrossNamespaceWaypointForbidden',
  ],
  ['6: where it may have one', { kind: 'ServiceEntry', visibility: 'Namespace', labels: { [use]: 'waypoint' } }, 'waypoint'],
  ['6: a public entry may leave', { kind: 'ServiceEntry', labels: { [use]: 'open', [useNamespace]: 'other' } }, 'other/open'],
  [
    '7: an endpoint written into an entry has labels of its own',
    { kind: 'Endpoint', traffic: 'workload', labels: { [use]: 'all' } },
    'all',
  ],
];

describe('waypoint', () => {
  for (const [rule, given, want] of rules) test(rule, () => expect(written(bind(given).binding)).toBe(want));
});

// GetUseWaypointCanary, WaypointInteropCanary
const primary = { [use]: 'waypoint' };
const both = { ...primary, [useCanary]: 'canary' };
const canaries: readonly (readonly [rule: string, given: Case, want: string])[] = [
  ['a share for the canary', { labels: both, annotations: { [weight]: '25' } }, 'waypoint 25% canary'],
  ['without a weight it gets none, but is there', { labels: both }, 'waypoint 0% canary'],
  ['everything', { labels: both, annotations: { [weight]: '100' } }, 'waypoint 100% canary'],
  ['none is no canary', { labels: { ...primary, [useCanary]: 'none' } }, 'waypoint'],
  ['empty is no canary', { labels: { ...primary, [useCanary]: '' } }, 'waypoint'],
  ['a canary without a waypoint is nothing', { labels: { [useCanary]: 'canary' } }, ''],
  ['one from another namespace', { labels: { ...primary, [useCanary]: 'open', [useCanaryNamespace]: 'other' } }, 'waypoint 0% other/open'],
  ['the namespace has both, and the weight', { inherited: { ...both, [weight]: '5' } }, 'waypoint 5% canary'],
  ['that of the namespace is not for a waypoint of one’s own', { labels: primary, inherited: both }, 'waypoint'],
  ['nor its weight', { labels: both, inherited: { ...both, [weight]: '5' } }, 'waypoint 0% canary'],
  [
    'with the waypoint of the namespace, a canary of one’s own',
    { labels: { [useCanary]: 'canary' }, inherited: primary },
    'waypoint 0% canary',
  ],
  [
    'which has the weight of the namespace',
    { labels: { [useCanary]: 'canary' }, inherited: { ...primary, [useCanary]: 'all', [weight]: '5' } },
    'waypoint 5% canary',
  ],
  [
    'and is looked for by its own second label',
    { labels: { [useCanary]: 'canary' }, inherited: { ...primary, [useCanary]: 'open', [useCanaryNamespace]: 'other' } },
    'waypoint 0% canary',
  ],
  ['or none, although the namespace has one', { labels: { [useCanary]: 'none' }, inherited: both }, 'waypoint'],
  ['or an empty one', { labels: { [useCanary]: '' }, inherited: both }, 'waypoint'],
  ['or just another weight', { annotations: { [weight]: '7' }, inherited: { ...both, [weight]: '5' } }, 'waypoint 7% canary'],
  ['be it a bad one', { annotations: { [weight]: '' }, inherited: { ...both, [weight]: '5' } }, 'waypoint CanaryInvalidWeight'],
  ['the waypoint itself is none', { labels: { ...primary, [useCanary]: 'waypoint' } }, 'waypoint CanarySameAsPrimary'],
  [
    'nor is it when spelled out',
    { labels: { ...primary, [useCanary]: 'waypoint', [useCanaryNamespace]: 'ns' } },
    'waypoint CanarySameAsPrimary',
  ],
  ['a weight that is none', { labels: both, annotations: { [weight]: '101' } }, 'waypoint CanaryInvalidWeight'],
  ['one that is not ready', { labels: { ...primary, [useCanary]: 'absent' } }, 'waypoint WaypointIsNotReady'],
  ['one that does not admit', { labels: { ...primary, [useCanary]: 'shut', [useCanaryNamespace]: 'other' } }, 'waypoint AttachmentDenied'],
  ['one for workloads', { labels: { ...primary, [useCanary]: 'workloads' } }, 'waypoint UnsupportedTrafficType'],
  ['none when the waypoint itself is not ready', { labels: { ...both, [use]: 'absent' } }, 'WaypointIsNotReady'],
  ['workloads have no canary', { kind: 'Pod', traffic: 'workload', labels: { ...both, [use]: 'all' } }, 'all'],
];

describe('canary', () => {
  for (const [rule, given, want] of canaries) test(rule, () => expect(written(bind(given).binding)).toBe(want));
});

// GetCanaryWeight
const weights: readonly (readonly [text: string, want: number | undefined])[] = [
  ['0', 0],
  ['7', 7],
  ['100', 100],
  ['+5', 5],
  ['0007', 7],
  ['101', undefined],
  ['-1', undefined],
  ['12.5', undefined],
  ['1e1', undefined],
  ['ten', undefined],
  [' 5', undefined],
  ['5%', undefined],
  ['', undefined],
];
for (const [text, want] of weights) test(`weight "${text}"`, () => expect(weightOf(text)).toBe(want));

const lookUps: readonly (readonly [rule: string, given: Case, want: readonly string[]])[] = [
  ['who asks for nothing looks up nothing', { inherited: {} }, []],
  ['what is missing is looked up too', { labels: { [use]: 'absent' } }, ['ns/absent']],
  ['the namespace’s is not, where the own one decides', { labels: primary, inherited: { [use]: 'all' } }, ['ns/waypoint']],
  ['the canary after its waypoint', { labels: both }, ['ns/waypoint', 'ns/canary']],
  ['no canary without its waypoint', { labels: { ...both, [use]: 'absent' } }, ['ns/absent']],
];
for (const [rule, given, want] of lookUps) test(`looking up: ${rule}`, () => expect(bind(given).asked).toEqual(want));

const messages: readonly (readonly [given: Case, want: string])[] = [
  [{ labels: { [use]: 'absent' } }, 'waypoint "ns/absent" is not ready'],
  [
    { labels: { [use]: 'shut', [useNamespace]: 'other' } },
    'waypoint "other/shut" does not admit namespace "ns": allowedRoutes of its listener may permit that',
  ],
  [{ labels: { [use]: 'workloads' } }, 'waypoint "ns/workloads" does not take service traffic: its istio.io/waypoint-for means "workload"'],
  [{ labels: { ...primary, [useCanary]: 'waypoint' } }, 'canary waypoint "ns/waypoint" is the waypoint itself'],
  [
    { labels: both, annotations: { [weight]: '9'.repeat(100) } },
    `istio.io/use-waypoint-canary-weight must be a whole number from 0 to 100, not "${'9'.repeat(40)}"`,
  ],
];
for (const [given, want] of messages) {
  test(`message: ${want}`, () => {
    const { error, canaryError } = bind(given).binding;
    expect((error ?? canaryError)?.message).toBe(want);
  });
}
