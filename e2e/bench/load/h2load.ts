// HTTP/2 requests with prior knowledge and gRPC unary calls with h2load, as many as the path takes. And the reading of its report (pure).
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Start } from './start.ts';

export interface Http2Order {
  readonly connections: number;
  /** At any time on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** A unary call with an empty message; otherwise a GET. */
  readonly grpc: boolean;
}

export interface Http2Report {
  readonly perSecond: number;
  readonly requests: number;
}

const emptyMessage = Buffer.alloc(5);

export async function http2(client: Start, to: { readonly host: string; readonly port: number }, order: Http2Order): Promise<Http2Report> {
  using files = new DisposableStack();
  const message = files.adopt(join(tmpdir(), `bench-message-${process.pid}`), (path) => rmSync(path, { force: true }));
  writeFileSync(message, emptyMessage);
  const call = ['--data', message, '--header', 'content-type: application/grpc', '--header', 'te: trailers'];
  await using h2load = client([
    ...['h2load', '--threads', '1', '--duration', String(order.seconds)],
    ...['--clients', String(order.connections), '--max-concurrent-streams', String(order.streams)],
    ...(order.grpc ? call : []),
    `http://${to.host}:${to.port}/${order.grpc ? 'grpc' : ''}`,
  ]);
  await h2load.exited((order.seconds + 15) * 1_000);
  return readHttp2Report(h2load.output);
}

/** Throws when a request failed: a rate of errors is no rate. */
export function readHttp2Report(text: string): Http2Report {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  const report = { perSecond: number(/^finished in .*?([\d.]+) req\/s/m), requests: number(/^status codes: (\d+) 2xx/m) };
  if (!(report.perSecond >= 0) || !(report.requests > 0)) throw new Error(`h2load said nothing useful:\n${text.slice(-1_000)}`);
  const failed = number(/ (\d+) failed/);
  const others = /^status codes: .*? 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m
    .exec(text)
    ?.slice(1)
    .some((count) => count !== '0');
  if (failed > 0 || others !== false)
    throw new Error(`h2load: ${/^requests: .*/m.exec(text)?.[0]}; ${/^status codes: .*/m.exec(text)?.[0]}`);
  return report;
}
