// Our own load programs, for what iperf3 and wrk cannot do: requests at a constant rate, and connections that stay idle.
// The programs are in ../programs; here they are started in a pod and their reports read.
import { fileURLToPath } from 'node:url';
import type { Child } from '../../lab/child.ts';
import type { BodiesOrder, BodiesReport } from '../programs/bodies.ts';
import type { SteadyOrder, SteadyReport } from '../programs/steady-rate.ts';
import type { Start } from './start.ts';

const openMs = 60_000;

/** Of one large body over a slow path. */
const bodyMs = 60_000;

const program = (name: string): readonly string[] => [process.execPath, fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))];

export async function steadyRate(client: Start, order: SteadyOrder): Promise<SteadyReport> {
  await using child = client([...program('steady-rate'), JSON.stringify(order)]);
  const code = await child.exited((order.seconds + 15) * 1_000);
  if (code !== 0) throw new Error(`steady-rate: ${child.output}`);
  return JSON.parse(child.output) as SteadyReport;
}

export async function bodies(client: Start, order: BodiesOrder): Promise<BodiesReport> {
  await using child = client([...program('bodies'), JSON.stringify(order)]);
  const code = await child.exited(order.seconds * 1_000 + bodyMs);
  if (code !== 0) throw new Error(`bodies: ${child.output}`);
  return JSON.parse(child.output) as BodiesReport;
}

/** Told of every change of the answers' `x-mark` on one path, with the time, until it is disposed of. */
export function watchMark(client: Start, to: { readonly host: string; readonly port: number; readonly path: string }): Child {
  return client([...program('watch-mark'), JSON.stringify(to)]);
}

/** Resolves when all are open, have carried a request, and rest; disposing of the child closes them. Throws with what it said if it ends. */
export async function holdOpen(client: Start, to: { readonly host: string; readonly port: number }, connections: number): Promise<Child> {
  await using starting = new AsyncDisposableStack();
  const child = starting.use(client([...program('hold-open'), JSON.stringify({ ...to, connections })]));
  const ended = child.exited(openMs).then((): never => {
    throw new Error(`hold-open: ${child.output}`);
  });
  await Promise.race([child.line(/^holding /, openMs), ended]);
  starting.move();
  return child;
}
