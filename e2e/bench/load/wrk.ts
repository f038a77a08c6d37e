// HTTP/1.1 requests with wrk, as many as the path takes. And the reading of its report (pure).
import type { Start } from './start.ts';

export interface HttpOrder {
  readonly connections: number;
  readonly seconds: number;
  /** Whether each request gets a connection of its own. */
  readonly fresh: boolean;
  /** Begins with a slash, which alone is the default. */
  readonly path?: string;
}

export interface HttpReport {
  readonly perSecond: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function http(client: Start, to: { readonly host: string; readonly port: number }, order: HttpOrder): Promise<HttpReport> {
  await using wrk = client([
    ...['wrk', '--latency', '--threads', '1', '--connections', String(order.connections), '--duration', `${order.seconds}s`],
    ...(order.fresh ? ['--header', 'Connection: close'] : []),
    `http://${to.host}:${to.port}${order.path ?? '/'}`,
  ]);
  await wrk.exited((order.seconds + 15) * 1_000);
  return readHttpReport(wrk.output);
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** Throws when a request failed: a rate of errors is no rate. */
export function readHttpReport(text: string): HttpReport {
  const wrong = /Socket errors:.*|Non-2xx or 3xx responses:.*|unable to connect.*/.exec(text)?.[0];
  if (wrong !== undefined) throw new Error(`wrk: ${wrong}`);
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  const time = (percentile: number): number => {
    const [, value, unit = ''] = new RegExp(`^\\s*${percentile}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(text) ?? [];
    return Number(value) * (unitMs[unit] ?? Number.NaN);
  };
  const report = {
    perSecond: number(/^Requests\/sec:\s+([\d.]+)$/m),
    requests: number(/^\s*(\d+) requests in /m),
    p50Ms: time(50),
    p99Ms: time(99),
  };
  if (!Object.values(report).every((value) => value >= 0) || report.requests === 0) throw new Error(`wrk said nothing useful:\n${text}`);
  return report;
}
