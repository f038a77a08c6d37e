// Whatever a proxy, a control plane or a file says: nothing that reads it throws anything but a sentence.
import { isFault } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redactedObject, redactedText } from './bug-report/redact.ts';
import { clusters } from './commands/waypoint/config/clusters.ts';
import { parseDump as parseWaypoint } from './commands/waypoint/config/dump.ts';
import { endpoints } from './commands/waypoint/config/endpoints.ts';
import { policies as waypointPolicies } from './commands/waypoint/config/policies.ts';
import { routes } from './commands/waypoint/config/routes.ts';
import { certificates } from './commands/ztunnel-config/certificate.ts';
import { connections } from './commands/ztunnel-config/connections.ts';
import { parseDump } from './commands/ztunnel-config/dump.ts';
import { policies } from './commands/ztunnel-config/policy.ts';
import { services } from './commands/ztunnel-config/service.ts';
import { workloads } from './commands/ztunnel-config/workload.ts';
import { clientsIn } from './proxy-status/client-status.ts';
import { formatTable } from './table.ts';
import { waypointDump, ztunnelDump } from './testing/dumps.ts';
import { topRows } from './top/rows.ts';
import { measuredBetween, sampleOf } from './top/sample.ts';

/** A good document in which some values are replaced by anything. */
const spoiled = (good: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.array(fc.tuple(fc.nat(400), fc.jsonValue()), { maxLength: 6 })).map(([changes]) => {
    let at = 0;
    const anything = new Map(changes);
    return JSON.parse(JSON.stringify(good), (_, value: unknown) => (anything.has(at++) ? anything.get(at - 1) : value));
  });

function onlySentences(read: () => void): void {
  try {
    read();
  } catch (e) {
    expect(isFault(e, 'command.failed')).toBe(true);
  }
}

test("a ztunnel's dump", () => {
  fc.assert(
    fc.property(fc.oneof(spoiled(ztunnelDump), fc.jsonValue()), (document) => {
      onlySentences(() => {
        const dump = parseDump(JSON.stringify(document), 'it');
        for (const view of [workloads, services, policies, certificates, connections]) formatTable(view.answer(dump, {}, ms(0)));
      });
    }),
  );
});

test("a waypoint's dump", () => {
  fc.assert(
    fc.property(fc.oneof(spoiled(waypointDump), fc.jsonValue()), (document) => {
      onlySentences(() => {
        const dump = parseWaypoint(JSON.stringify(document), 'it');
        for (const view of [routes, clusters, endpoints, waypointPolicies]) formatTable(view.answer(dump, {}, ms(0)));
      });
    }),
  );
});

const client = { node: { pod: 'a', namespace: 'b', type: 'ztunnel' }, types: [{ typeUrl: 'x', answeredAgo: 1, pending: 0 }] };
test("a control plane's clients", () => {
  fc.assert(fc.property(spoiled([client, client]), (page) => void clientsIn(JSON.stringify(page), 'istiod')));
});

test('counters', () => {
  const line = 'istio_tcp_received_bytes_total{reporter="source",source_workload="a",source_workload_namespace="b"} 7\n';
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(line), fc.string(), fc.constant('"}{\\')), { maxLength: 8 }), fc.nat(200), (parts, cut) => {
      const sample = sampleOf(parts.join('').slice(cut));
      for (const what of ['workloads', 'services'] as const) topRows(what, measuredBetween(new Map(), sample, undefined), 1, new Set());
    }),
  );
});

test('objects and texts of a report', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string(), (object, text) => void [redactedObject(object), redactedText(text)]));
});
