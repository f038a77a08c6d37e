// What most scenarios start from: a lab with nodes `a` and `b`, each with a ready ztunnel, and counters read as differences.
// One per test file; its tests share it and tell their traffic apart by the names of their pods.

import { eventually } from '../lab/eventually.ts';
import type { Exposition } from '../lab/exposition.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';

export interface TwoNodes extends AsyncDisposable {
  readonly lab: Lab;
  readonly a: Node;
  readonly b: Node;
  readonly tunnelA: Ztunnel;
  readonly tunnelB: Ztunnel;
}

export async function twoNodes(env: Readonly<Record<string, string>> = {}): Promise<TwoNodes> {
  await using parts = new AsyncDisposableStack();
  const lab = parts.use(await Lab.start());
  const [a, b] = [await lab.node('a'), await lab.node('b')];
  const [tunnelA, tunnelB] = await Promise.all([a.ztunnel({ env }), b.ztunnel({ env })]);
  const all = parts.move();
  return { lab, a, b, tunnelA, tunnelB, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

export interface Traffic {
  readonly opened: number;
  readonly closed: number;
  readonly failed: number;
  /** Request direction. */
  readonly received: number;
  /** Response direction. */
  readonly sent: number;
}

const trafficOf = (metrics: Exposition, labels: Readonly<Record<string, string>>): Traffic => ({
  opened: metrics.sum('istio_tcp_connections_opened_total', labels),
  closed: metrics.sum('istio_tcp_connections_closed_total', labels),
  failed: metrics.sum('istio_tcp_connections_failed_total', labels),
  received: metrics.sum('istio_tcp_received_bytes_total', labels),
  sent: metrics.sum('istio_tcp_sent_bytes_total', labels),
});

/** What `run` added to the series with these labels, once as many connections are closed as were opened. */
export async function trafficDuring(
  tunnel: Ztunnel,
  labels: Readonly<Record<string, string>>,
  run: () => Promise<unknown>,
): Promise<Traffic> {
  const before = trafficOf(await tunnel.metrics(), labels);
  await run();
  return eventually(
    async () => {
      const now = trafficOf(await tunnel.metrics(), labels);
      const grown = {
        opened: now.opened - before.opened,
        closed: now.closed - before.closed,
        failed: now.failed - before.failed,
        received: now.received - before.received,
        sent: now.sent - before.sent,
      };
      return grown.opened > 0 && grown.opened === grown.closed ? grown : undefined;
    },
    { what: `closed connections with ${JSON.stringify(labels)}` },
  );
}

export const identityOf = (serviceAccount: string, namespace = 'default'): string =>
  `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`;

/** The request of most scenarios: 11 bytes there, 22 back from a `double-echo` server. */
export const hello = { send: 'hello world', until: 22 } as const;
export const helloAnswered = { outcome: 'answered', text: 'hello worldhello world' } as const;
