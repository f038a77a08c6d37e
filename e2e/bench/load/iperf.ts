// Bulk bytes with iperf3: its server in one pod, its client in another, a fresh pair per round. And the reading of its report (pure).
import type { Child } from '../../lab/child.ts';
import type { Start } from './start.ts';

export interface BulkOrder {
  readonly streams: number;
  /** `upload`: from client to server. */
  readonly direction: 'upload' | 'download';
  readonly seconds: number;
}

export interface BulkReport {
  /** As the receiver counted. */
  readonly gbitPerSecond: number;
  /** All that was moved, the start that the rate leaves out included. */
  readonly gigabytes: number;
}

export const bulkPort = 5201;

/** @param to where the client dials; the server listens on `bulkPort` */
export async function bulk(
  client: Start,
  server: Start,
  to: { readonly host: string; readonly port: number },
  order: BulkOrder,
): Promise<BulkReport> {
  await using listener: Child = server(['iperf3', '--server', '--one-off', '--forceflush', '--port', String(bulkPort)]);
  await listener.line(/^Server listening/);
  await using sender = client([
    ...['iperf3', '--json', '--client', to.host, '--port', String(to.port)],
    ...['--parallel', String(order.streams), '--time', String(order.seconds)],
    ...(order.seconds > 2 ? ['--omit', '1'] : []),
    ...(order.direction === 'download' ? ['--reverse'] : []),
  ]);
  await sender.exited((order.seconds + 15) * 1_000);
  return readBulkReport(sender.output);
}

interface Report {
  readonly error?: string;
  readonly intervals?: readonly { readonly sum: { readonly bytes: number } }[];
  readonly end?: { readonly sum_received?: { readonly bits_per_second: number } };
}

/** Throws with iperf3's own words when it failed. */
export function readBulkReport(json: string): BulkReport {
  const report = JSON.parse(json) as Report;
  const rate = report.end?.sum_received?.bits_per_second;
  if (report.error !== undefined || rate === undefined) throw new Error(`iperf3: ${report.error ?? 'no result'}`);
  const bytes = (report.intervals ?? []).reduce((total, { sum }) => total + sum.bytes, 0);
  return { gbitPerSecond: rate / 1e9, gigabytes: bytes / 1e9 };
}
