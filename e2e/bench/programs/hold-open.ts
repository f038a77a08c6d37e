// Opens connections, carries one HTTP/1.1 request over each, and keeps them idle until it is killed.
// Started with {host, port, connections} as JSON; prints `holding N` when all rest.
import { connect, type Socket } from 'node:net';

interface Order {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
}

/** Being opened at any time. */
const atOnce = 50;

const { host, port, connections } = JSON.parse(process.argv[2] ?? '') as Order;
const held: Socket[] = [];

/** Resolves with the answer's first bytes. */
function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    socket.once('data', () => resolve());
    socket.once('error', reject);
    socket.once('close', () => {
      console.error('a connection was closed');
      process.exit(1);
    });
    held.push(socket);
  });
}

await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (held.length < connections) await open();
  }),
);
console.log(`holding ${held.length}`);
