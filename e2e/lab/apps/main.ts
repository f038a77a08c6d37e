// The program that runs in every pod of the lab: servers and clients on demand, ordered by the test over Node's IPC channel.
// Started by ../pod-app.ts inside the pod's network namespace; ends when the channel closes, so nothing outlives the lab.
import { Connection, call } from './connections.ts';
import { askDns } from './dns.ts';
import type { Answer, Ask, Operations } from './protocol.ts';
import { seen, serve, stopServing } from './servers.ts';
import { storm } from './storm.ts';

const connections = new Map<number, Connection>();
let lastConnection = 0;

function connection(number: number): Connection {
  const found = connections.get(number);
  if (found === undefined) throw new Error(`no open connection ${number}`);
  return found;
}

const operations: Operations = {
  serve,
  stopServing: async ({ port }) => stopServing(port),
  call,
  async open({ to }) {
    const opened = new Connection(to);
    if (!(await opened.connected(5_000))) throw new Error(`cannot connect to ${to}`);
    connections.set(++lastConnection, opened);
    return { connection: lastConnection, local: opened.local };
  },
  exchange: (order) => connection(order.connection).exchange(order),
  ended: (order) => connection(order.connection).ended(order.timeoutMs),
  async close(order) {
    connection(order.connection).close();
    connections.delete(order.connection);
  },
  storm,
  stormSeen: async () => seen.storms.splice(0),
  proxyHeaders: async () => seen.proxyHeaders.splice(0),
  hboneRequests: async () => seen.hboneRequests.splice(0),
  dns: askDns,
};

const reply = (answer: Answer): void => void process.send?.(answer);

process.on('message', (ask: Ask) => {
  const operation = operations[ask.op] as (order: unknown) => Promise<unknown>;
  operation(ask.order).then(
    (value) => reply({ id: ask.id, value }),
    (e: unknown) => reply({ id: ask.id, error: e instanceof Error ? e.message : String(e) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the lab closes the channel in its own order.
reply({ ready: true });
