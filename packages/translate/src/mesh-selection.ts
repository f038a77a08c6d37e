// Who selects workloads by their labels: services and policies. Pods of one namespace with the same labels are selected alike, so it is found out once for all of them.
// Run by mesh-index.ts, read by mesh-workloads.ts (facts: control-plane §3.6, §3.7).
import type { Dependant } from './derive/table.ts';
import type { PeerAuthentication } from './kinds/peer-authentication.ts';
import { placesOfLabels, type Selected, selectedOf } from './label-pairs.ts';
import { type Reading, stands } from './mesh-services.ts';
import { infoKey, type Selection } from './mesh-tables.ts';
import { peerAuthenticationKeys } from './peer-authentication.ts';
import { inRevision } from './revision.ts';
import { selects } from './selector.ts';
import type { ServiceInfo } from './service-info.ts';
import { byText } from './text-order.ts';

const none: readonly string[] = [];
const bothKinds = ['Service', 'ServiceEntry'] as const;

/** Of the pods that have exactly these labels; nothing when there are none. */
export function* selectionOfPods(reading: Reading, key: string, by: Dependant): Generator<readonly [string, Selection]> {
  if (!reading.tables.pods.holds('labels', key)) return;
  const selected = selectedOf(key);
  const kinds = reading.settings.entriesSelectPods ? bothKinds : (['Service'] as const);
  const services = servicesSelecting(reading, { ...selected, kinds }, by)
    .map(infoKey)
    .sort(byText);
  yield [key, { services, policies: policiesSelecting(reading, selected, by) }];
}

export function servicesSelecting(
  reading: Reading,
  { kinds, namespace, labels }: Selected & { readonly kinds: readonly ServiceInfo['source']['kind'][] },
  by: Dependant,
): readonly ServiceInfo[] {
  const found: ServiceInfo[] = [];
  for (const kind of kinds)
    for (const place of placesOfLabels(`${kind}/${namespace}`, labels))
      for (const info of reading.tables.infos.readBy('selector', place, by))
        if (selects(info.selector ?? {}, labels) && stands(reading, info, by)) found.push(info);
  return found;
}

/** Policies with a selector first, then what PeerAuthentications come to. */
export function policiesSelecting(reading: Reading, { namespace, labels }: Selected, by: Dependant): readonly string[] {
  const { tables, settings } = reading;
  const keys = new Set<string>();
  for (const scope of new Set([namespace, settings.rootNamespace]))
    for (const place of placesOfLabels(scope, labels))
      for (const { policy, selector } of tables.verdicts.readBy('place', place, by))
        if (policy !== undefined && selects(selector ?? {}, labels)) keys.add(policy.key);
  const converted = peerAuthenticationKeys(peerAuthenticationsFor(reading, { namespace, labels }, by), { namespace, labels }, settings);
  return keys.size + converted.length === 0 ? none : [...[...keys].sort(byText), ...converted];
}

function peerAuthenticationsFor(
  { tables, settings }: Reading,
  { namespace, labels }: Selected,
  by: Dependant,
): readonly PeerAuthentication[] {
  const table = tables.peerAuthentications;
  const found = [...table.readBy('place', namespace, by)];
  if (namespace !== settings.rootNamespace) found.push(...table.readBy('place', settings.rootNamespace, by));
  for (const place of placesOfLabels(namespace, labels)) found.push(...table.readBy('place', place, by));
  return found.filter(({ meta }) => inRevision(meta, settings.revision));
}
