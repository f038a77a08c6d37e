// IST0134 and IST0177: ServiceEntries of plain TCP without an address, and several that contradict each other.
import type { ServiceEntry } from '@ambient-mesh/translate/kinds/entries';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { keyOf, type World } from '../world.ts';

export const serviceEntries: Analyzer = {
  name: 'serviceentry.Analyzer',
  about: 'ServiceEntries can be told apart, and agree with each other',
  codes: ['IST0134', 'IST0177'],
  *run(world) {
    for (const entry of world.objects.serviceEntries.values()) yield* unaddressed(entry);
    yield* conflicting(world);
  },
};

/** Hosts of these are told apart by what is sent. */
const named: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'HTTPS', 'GRPC', 'GRPC-WEB', 'TLS']);
const allocationLabel = 'networking.istio.io/enable-autoallocate-ip';

function* unaddressed({ meta, addresses, ports, resolution, allocated }: ServiceEntry): Iterable<Finding> {
  const allocates = resolution !== 'NONE' && meta.labels[allocationLabel]?.toLowerCase() !== 'false';
  if (addresses.length > 0 || allocated.length > 0 || allocates) return;
  const open = ports.filter(({ protocol }) => !named.has(protocol.toUpperCase())).map(({ number }) => `${number}`);
  if (open.length > 0)
    yield finding('IST0134', { kind: 'ServiceEntry', ...meta }, `It has no addresses, and its port ${someOf(open)} speaks plain TCP.`);
}

function* conflicting({ objects }: World): Iterable<Finding> {
  const said = new Map<string, { readonly protocols: Set<string>; readonly entries: ServiceEntry[] }>();
  for (const entry of objects.serviceEntries.values())
    for (const host of entry.hosts)
      for (const { number, protocol } of entry.ports) {
        const place = said.get(`${host}:${number}`) ?? { protocols: new Set(), entries: [] };
        place.protocols.add(protocol.toUpperCase());
        place.entries.push(entry);
        said.set(`${host}:${number}`, place);
      }
  for (const [place, { protocols, entries }] of said) {
    if (protocols.size < 2) continue;
    for (const { meta } of entries) {
      const others = entries.filter((each) => each.meta !== meta).map((each) => keyOf(each.meta));
      const message = `${place} is ${[...protocols].join(' and ')} in different entries; the others are ${someOf(others)}.`;
      yield finding('IST0177', { kind: 'ServiceEntry', ...meta }, message);
    }
  }
}
