// The stage of the demo: two nodes with a ztunnel each, a client and a server on either, and a pod outside the mesh.
// Started by demo.ts; played upon by demo-tour.ts.
import { Lab } from './lab.ts';
import type { Node } from './node.ts';
import type { Pod } from './pod.ts';
import type { Ztunnel } from './ztunnel.ts';

export interface Stage extends AsyncDisposable {
  readonly lab: Lab;
  readonly nodes: Readonly<Record<'a' | 'b', Node>>;
  readonly ztunnels: Readonly<Record<'a' | 'b', Ztunnel>>;
  readonly pods: Readonly<Record<PodName, Pod>>;
}

export type PodName = 'client-a' | 'server-a' | 'client-b' | 'server-b' | 'outside';
export const port = 8080;

export async function setStage(): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const lab = parts.use(await Lab.start());
  const [a, b] = [await lab.node('a'), await lab.node('b')];
  const [tunnelA, tunnelB] = await Promise.all([a.ztunnel(), b.ztunnel()]);
  const server = (name: string) => ({ name, captured: true, servers: { [port]: { kind: 'http', text: `hello from ${name}` } as const } });
  const [clientA, serverA, clientB, serverB, outside] = await Promise.all([
    a.pod({ name: 'client-a', captured: true }),
    a.pod(server('server-a')),
    b.pod({ name: 'client-b', captured: true }),
    b.pod(server('server-b')),
    a.pod({ name: 'outside' }),
  ]);
  const all = parts.move();
  return {
    lab,
    nodes: { a, b },
    ztunnels: { a: tunnelA, b: tunnelB },
    pods: { 'client-a': clientA, 'server-a': serverA, 'client-b': clientB, 'server-b': serverB, outside },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
