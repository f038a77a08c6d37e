// Sends HTTP/1.1 requests at a constant rate over keep-alive connections and measures each answer from the time at which its request was due:
// a path that stalls is charged for every request that it delays, also for those that could not be sent meanwhile.
// Started with a SteadyOrder as JSON; prints a SteadyReport. A thread of its own (sender.ts) does the sending, because timers count whole milliseconds.
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { dialSocket } from '@ambient-mesh/host/sockets';
import type { Sending } from './sender.ts';

export interface SteadyOrder {
  readonly host: string;
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface SteadyReport {
  readonly answered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Left out of the report: connections open, code gets compiled. */
const warmUpSeconds = 0.5;
const patienceMs = 5_000;

const nowNs = (): number => Number(process.hrtime.bigint());

interface Line {
  readonly socket: Socket;
  readonly fd: number;
}

function connect(host: string, port: number): Promise<Line> {
  const fd = dialSocket({ family: host.includes(':') ? 6 : 4 });
  const options = { fd, manualStart: true };
  return new Promise((resolve, reject) => {
    const socket = new Socket(options).connect(port, host, () => resolve({ socket, fd }));
    socket.once('error', reject);
  });
}

/** Counts the answers that one connection brings; each has a length, and is no error. */
class Answers {
  /** Of an answer that has only begun. */
  #text = '';

  /** How many ended with these octets. */
  read(chunk: Buffer): number {
    this.#text += chunk.toString('latin1');
    for (let ended = 0, at = 0; ; ended++) {
      const end = this.#text.indexOf('\r\n\r\n', at);
      const head = end < 0 ? '' : this.#text.slice(at, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
      if (end >= 0 && !(head.startsWith('HTTP/1.1 200') && length >= 0)) throw new Error(`no good answer of a known length: ${head}`);
      if (end < 0 || this.#text.length < end + 4 + length) {
        this.#text = this.#text.slice(at);
        return ended;
      }
      at = end + 4 + length;
    }
  }
}

/** Milliseconds from due time to the last byte of each answer, ascending. */
async function latencies(order: SteadyOrder, request: string): Promise<Float64Array> {
  const lines = await Promise.all(Array.from({ length: order.connections }, () => connect(order.host, order.port)));
  const total = Math.floor(order.perSecond * (order.seconds + warmUpSeconds));
  const sending: Sending = {
    fds: lines.map(({ fd }) => fd),
    request,
    total,
    startNs: nowNs() + 200e6,
    intervalNs: 1e9 / order.perSecond,
  };
  const skipped = Math.floor(order.perSecond * warmUpSeconds);
  const taken = new Float64Array(total - skipped);
  await new Promise<void>((resolve, reject) => {
    let answered = 0;
    for (const [at, { socket }] of lines.entries()) {
      const answers = new Answers();
      let before = 0;
      socket.on('data', (chunk: Buffer) => {
        const now = nowNs();
        for (let ended = answers.read(chunk); ended > 0; ended--) {
          const index = before++ * lines.length + at;
          if (index >= skipped) taken[index - skipped] = (now - sending.startNs - index * sending.intervalNs) / 1e6;
          if (++answered === total) resolve();
        }
      });
      socket.once('close', () => reject(new Error(`a connection was closed after ${answered} of ${total} answers`)));
    }
    const sender = new Worker(new URL('./sender.ts', import.meta.url), { workerData: sending });
    sender.once('error', reject);
    sender.once('exit', () => setTimeout(() => reject(new Error(`${total - answered} of ${total} answers never came`)), patienceMs));
  });
  return taken.sort();
}

const percentile = (ascending: Float64Array, share: number): number => ascending[Math.ceil(ascending.length * share) - 1] ?? Number.NaN;

const order = JSON.parse(process.argv[2] ?? '') as SteadyOrder;
const sorted = await latencies(order, `GET / HTTP/1.1\r\nHost: ${order.host}\r\n\r\n`);
const report: SteadyReport = {
  answered: sorted.length,
  p50Ms: percentile(sorted, 0.5),
  p99Ms: percentile(sorted, 0.99),
  maxMs: percentile(sorted, 1),
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
