// Whatever a cluster looks like, a pod backs the services and lists the policies that a plain search through all objects finds, and all that is listed is sent.
// The index itself never searches through all of anything; that it keeps up with changes is mesh-index-history.test.ts.
import { serviceKey } from '@ambient-mesh/model/service';
import type { PortMap } from '@ambient-mesh/model/workload';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policyFrom } from './authorization-policy.ts';
import { settle } from './canonical.ts';
import type { Inputs } from './kinds/all.ts';
import type { Pod } from './kinds/pod.ts';
import { MeshIndex } from './mesh-index.ts';
import { peerAuthenticationKeys } from './peer-authentication.ts';
import { requiresWaypoint, requireWaypointKey } from './require-waypoint.ts';
import { inRevision } from './revision.ts';
import { selects } from './selector.ts';
import { servicesFromEntry } from './service-from-entry.ts';
import { serviceFromKubernetes } from './service-from-kubernetes.ts';
import type { ServiceInfo } from './service-info.ts';
import { portsOnPod } from './service-ports.ts';
import type { TranslateSettings } from './settings.ts';
import { Outputs } from './testing/outputs.ts';
import { type Change, someChange } from './testing/random-inputs.ts';
import { contextOf, plainSettings } from './testing/services.ts';
import { byText } from './text-order.ts';

class Objects {
  readonly #last: ReadonlyMap<string, Change>;

  constructor(history: readonly Change[]) {
    this.#last = new Map(history.map((change) => [`${change.table} ${change.key}`, change]));
  }

  of<K extends keyof Inputs>(table: K): readonly Inputs[K][] {
    return [...this.#last.values()]
      .filter((change) => change.table === table && change.object !== undefined)
      .map(({ object }) => object as Inputs[K]);
  }

  each(tell: (change: Change) => void): void {
    for (const change of this.#last.values()) tell(change);
  }
}

/** Those that stand, of all claims to all names. */
function standing(objects: Objects, settings: TranslateSettings): readonly ServiceInfo[] {
  const claims = [
    ...objects.of('services').map((service) => serviceFromKubernetes(service, contextOf())),
    ...objects
      .of('serviceEntries')
      .flatMap((entry) => (inRevision(entry.meta, settings.revision) ? servicesFromEntry(entry, contextOf()) : [])),
  ].filter((claim) => claim !== undefined);
  const lost = new Set([...Map.groupBy(claims, ({ service }) => service.hostname).values()].flatMap((rivals) => settle(rivals).lost));
  return claims.filter((claim) => !lost.has(claim));
}

function infosOf({ meta }: Pod, objects: Objects, settings: TranslateSettings): readonly ServiceInfo[] {
  const named = (name: string) =>
    objects
      .of('endpointSlices')
      .filter((slice) => slice.service === name)
      .flatMap(({ endpoints, meta: { namespace } }) => endpoints.map(({ pod }) => ({ pod, namespace })));
  return standing(objects, settings).filter(({ selector = {}, source }) => {
    if (Object.keys(selector).length > 0)
      return (
        source.namespace === meta.namespace && selects(selector, meta.labels) && (settings.entriesSelectPods || source.kind === 'Service')
      );
    if (source.kind === 'ServiceEntry') return false;
    const { namespace, name, uid } = meta;
    return named(source.name).some(
      ({ pod, namespace: own }) => own === source.namespace && pod?.namespace === namespace && pod.name === name && pod.uid === uid,
    );
  });
}

const servicesOf = (pod: Pod, objects: Objects, settings: TranslateSettings): readonly (readonly [string, PortMap])[] =>
  infosOf(pod, objects, settings)
    .map(({ service, source }) => [serviceKey(service), portsOnPod(source, pod.namedPorts)] as const)
    .sort(([a], [b]) => byText(a, b));

/** Of services that nobody reaches but through their waypoint. */
function requiredOf(pod: Pod, objects: Objects, settings: TranslateSettings): readonly string[] {
  const sources = [...objects.of('services'), ...objects.of('serviceEntries')];
  const requiring = infosOf(pod, objects, settings).filter(({ source: { kind, namespace, name } }) => {
    const object = sources.find(
      ({ meta, ...own }) => meta.namespace === namespace && meta.name === name && 'hosts' in own === (kind !== 'Service'),
    );
    const place = objects.of('namespaces').find(({ meta }) => meta.name === namespace);
    return object !== undefined && requiresWaypoint(object.meta, place);
  });
  return [...new Set(requiring.map(({ source }) => requireWaypointKey(source)))].sort(byText);
}

function policiesOf(pod: Pod, objects: Objects, settings: TranslateSettings): readonly string[] {
  const { meta } = pod;
  const { namespace, labels } = meta;
  const selecting = objects
    .of('authorizationPolicies')
    .filter((ap) => ap.selector && [namespace, settings.rootNamespace].includes(ap.meta.namespace) && selects(ap.selector, labels))
    .flatMap((ap) => policyFrom(ap, settings).policy?.key ?? []);
  const all = objects.of('peerAuthentications').filter((pa) => inRevision(pa.meta, settings.revision));
  return [...selecting.sort(byText), ...peerAuthenticationKeys(all, meta, settings), ...requiredOf(pod, objects, settings)];
}

const someSettings = fc
  .record({ revision: fc.constantFrom('', 'own'), entriesSelectPods: fc.boolean() })
  .map((given): TranslateSettings => ({ ...plainSettings, ...given }));
const someHistory = fc.array(someChange, { minLength: 5, maxLength: 80, size: 'max' });

const say = <K extends keyof Inputs>(index: MeshIndex, { table, key, object }: { table: K; key: string; object: Inputs[K] | undefined }) =>
  index.set(table, key, object);

test('a pod backs and lists what a plain search finds, and all that is listed is sent', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(someSettings, someHistory, (settings, history) => {
      const objects = new Objects(history);
      const index = new MeshIndex(settings);
      objects.each((change) => void say(index, change));
      const out = new Outputs();
      index.settle(out);
      for (const pod of objects.of('pods')) {
        const workload = out.workloads.get(`Kubernetes//Pod/${pod.meta.namespace}/${pod.meta.name}`);
        if (workload === undefined) continue;
        expect([...workload.services]).toEqual(servicesOf(pod, objects, settings));
        expect(workload.authorizationPolicies).toEqual(policiesOf(pod, objects, settings));
      }
      const sent = new Set(out.policies.keys());
      for (const { authorizationPolicies } of out.workloads.values()) for (const key of authorizationPolicies) expect(sent).toContain(key);
      for (const { services } of out.workloads.values()) for (const key of services.keys()) expect(out.services.has(key)).toBe(true);
    }),
    { numRuns: 800 },
  );
});
