// Who moves how much, from what was measured between two samples: a row for each workload, or for each service. Pure.
// What both ends of a connection tell is reconciled by the dashboard's flows, so nothing counts twice.
import type { Figures } from '@ambient-mesh/dashboard/figures';
import { flowsOf } from '@ambient-mesh/dashboard/flows';
import type { Measured, Place } from '@ambient-mesh/dashboard/series';

export interface TopRow {
  readonly namespace: string;
  readonly name: string;
  /** Of workloads: connections from elsewhere. Of services: all. */
  openIn: number;
  /** Of workloads only: connections to elsewhere. */
  openOut: number;
  /** Into the workload or service, and out of it. */
  bytesInPerSecond: number;
  bytesOutPerSecond: number;
  /** HTTP, where waypoints see it. */
  requestsPerSecond: number;
  /** In the time between the samples. */
  denied: number;
  readonly deniedBy: Set<string>;
}

export type What = 'workloads' | 'services';

/** `seconds` between the samples; `waypoints` by `namespace/name`. The busiest come first; of what nothing moves there is no row. */
export function topRows(what: What, measured: Iterable<Measured>, seconds: number, waypoints: ReadonlySet<string>): readonly TopRow[] {
  const rows = new Rows(seconds);
  const { connections, hops } = flowsOf(measured);
  for (const { source, destination, service, figures } of connections) {
    if (what === 'workloads') {
      rows.client(source, figures);
      rows.server(destination, figures);
    } else if (source === undefined || !waypoints.has(source.key)) rows.server(service, figures);
  }
  for (const { destination, service, figures } of hops) rows.requests(what === 'workloads' ? destination : service, figures);
  return rows.sorted();
}

class Rows {
  readonly #rows = new Map<string, TopRow>();
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  client(place: Place | undefined, { open, sent, received }: Figures): void {
    const row = this.#row(place);
    if (row === undefined) return;
    row.openOut += Math.max(0, open);
    row.bytesInPerSecond += received / this.#seconds;
    row.bytesOutPerSecond += sent / this.#seconds;
  }

  server(place: Place | undefined, figures: Figures): void {
    const row = this.#row(place);
    if (row === undefined) return;
    row.openIn += Math.max(0, figures.open);
    row.bytesInPerSecond += figures.sent / this.#seconds;
    row.bytesOutPerSecond += figures.received / this.#seconds;
    this.#denials(row, figures);
  }

  requests(place: Place | undefined, figures: Figures): void {
    const row = this.#row(place);
    if (row === undefined) return;
    row.requestsPerSecond += figures.requests / this.#seconds;
    this.#denials(row, figures);
  }

  sorted(): readonly TopRow[] {
    const weight = ({ bytesInPerSecond, bytesOutPerSecond }: TopRow): number => bytesInPerSecond + bytesOutPerSecond;
    return [...this.#rows]
      .filter(([, row]) => weight(row) + row.openIn + row.openOut + row.requestsPerSecond + row.denied > 0)
      .sort(([a, x], [b, y]) => weight(y) - weight(x) || y.openIn + y.openOut - x.openIn - x.openOut || (a < b ? -1 : 1))
      .map(([, row]) => row);
  }

  #denials(row: TopRow, { denied, policies }: Figures): void {
    row.denied += Math.max(
      denied,
      policies.values().reduce((total, count) => total + count, 0),
    );
    for (const [policy, count] of policies) if (count > 0) row.deniedBy.add(policy);
  }

  #row(place: Place | undefined): TopRow | undefined {
    if (place === undefined) return undefined;
    const known = this.#rows.get(place.key);
    if (known !== undefined) return known;
    const { namespace, name } = place;
    const none = { openIn: 0, openOut: 0, bytesInPerSecond: 0, bytesOutPerSecond: 0, requestsPerSecond: 0, denied: 0 };
    const row: TopRow = { namespace, name, ...none, deniedBy: new Set() };
    this.#rows.set(place.key, row);
    return row;
  }
}
