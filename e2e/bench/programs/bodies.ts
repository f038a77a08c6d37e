// Moves large HTTP/1.1 bodies over one connection, one after the other, until the time is up, at least one. Started with a BodiesOrder; prints a BodiesReport.
// Talks to bodies-server.ts. It reads into one buffer: the path is to be measured, not this program's memory.
import { connect, type Socket } from 'node:net';

export interface BodiesOrder {
  readonly host: string;
  readonly port: number;
  readonly octets: number;
  readonly direction: 'upload' | 'download';
  readonly seconds: number;
}

export interface BodiesReport {
  readonly bodies: number;
  readonly seconds: number;
}

const { host, port, octets, direction, seconds } = JSON.parse(process.argv[2] ?? '') as BodiesOrder;
const filler = Buffer.alloc(1 << 18, 'x');

let head = '';
let missing = 0;
let answered = (): void => {};

function read(chunk: Buffer): void {
  if (missing > 0) {
    missing -= chunk.length;
  } else {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 200')) fail(head.slice(0, end));
    missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]) - (head.length - end - 4);
    head = '';
  }
  if (missing === 0) answered();
}

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}

async function send(socket: Socket): Promise<void> {
  for (let left = octets; left > 0; left -= filler.length) {
    if (!socket.write(left < filler.length ? filler.subarray(0, left) : filler))
      await new Promise<void>((resolve) => socket.once('drain', resolve));
  }
}

const intake = Buffer.alloc(1 << 18);
const onread = {
  buffer: intake,
  callback: (size: number): boolean => {
    read(intake.subarray(0, size));
    return true;
  },
};
const socket = connect({ host, port, onread });
socket.on('error', (e) => fail(e.message));
socket.on('close', () => fail('the connection was closed'));
await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
const began = performance.now();
let bodies = 0;
do {
  const answer = new Promise<void>((resolve) => {
    answered = resolve;
  });
  if (direction === 'download') socket.write(`GET /${octets} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  else {
    socket.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${octets}\r\n\r\n`);
    await send(socket);
  }
  await answer;
  bodies++;
} while (performance.now() - began < seconds * 1_000);
const report: BodiesReport = { bodies, seconds: (performance.now() - began) / 1_000 };
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
