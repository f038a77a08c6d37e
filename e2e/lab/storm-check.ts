// Compares what both ends of a storm say of each connection.
// Used by the lab's own test and by the scenarios that claim that nothing is lost.
import type { StormReport } from './apps/protocol.ts';
import { eventually } from './eventually.ts';
import type { Pod } from './pod.ts';

const same = (x: StormReport, y: StormReport | undefined): boolean =>
  x.end === 'ok' && y?.end === 'ok' && sameHalf(x.sent, y.received) && sameHalf(x.received, y.sent);
const sameHalf = (x: StormReport['sent'], y: StormReport['sent']): boolean => x.bytes === y.bytes && x.sha1 === y.sha1;

/** Connections that failed or whose ends differ, at most ten; waits until the server has seen all that the client calls finished. */
export async function stormMismatches(client: readonly StormReport[], server: Pod): Promise<readonly unknown[]> {
  const seen = new Map<string, StormReport>();
  await eventually(
    async () => {
      for (const report of await server.app.ask('stormSeen', {})) seen.set(report.id, report);
      return client.every(({ id, end }) => end !== 'ok' || seen.has(id)) ? true : undefined;
    },
    { timeoutMs: 10_000, what: () => `the server's reports of ${client.length} connections; it has ${seen.size}` },
  );
  const wrong = client.filter((report) => !same(report, seen.get(report.id)));
  return wrong.slice(0, 10).map((report) => ({ client: report, server: seen.get(report.id), wrongInAll: wrong.length }));
}
