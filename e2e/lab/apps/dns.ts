// Just enough DNS to ask and to answer: one question, A and AAAA records, names compressed only by pointers to follow.
// Independent of the code under test on purpose. Used by main.ts and servers.ts.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { splitEndpoint } from './connections.ts';
import type { DnsOrder, DnsReport } from './protocol.ts';

const types = { A: 1, AAAA: 28, TXT: 16 } as const;
const waitMs = 3_000;

const encodeName = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])), Buffer.of(0)]);

function query({ name, type }: DnsOrder): Buffer {
  const header = Buffer.from([0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, encodeName(name), Buffer.from([0, types[type], 0, 1])]);
}

/** The offset after a name, whether written out or a pointer. */
function skipName(message: Buffer, at: number): number {
  for (let i = at; ; i += message.readUInt8(i) + 1) {
    if (message.readUInt8(i) === 0) return i + 1;
    if (message.readUInt8(i) >= 0xc0) return i + 2;
  }
}

function parseAnswer(message: Buffer): DnsReport {
  const addresses: string[] = [];
  let at = skipName(message, 12) + 4;
  for (let n = message.readUInt16BE(6); n > 0; n--) {
    at = skipName(message, at);
    const length = message.readUInt16BE(at + 8);
    const data = message.subarray(at + 10, at + 10 + length);
    if (message.readUInt16BE(at) === types.A) addresses.push([...data].join('.'));
    if (message.readUInt16BE(at) === types.AAAA) addresses.push((data.toString('hex').match(/.{4}/g) ?? []).join(':'));
    at += 10 + length;
  }
  return { code: message.readUInt8(3) & 15, authoritative: (message.readUInt8(2) & 4) !== 0, addresses: addresses.sort() };
}

const noAnswer: DnsReport = { code: -1, authoritative: false, addresses: [] };

export function askDns(order: DnsOrder): Promise<DnsReport> {
  return order.over === 'udp' ? askUdp(order) : askTcp(order);
}

function askUdp(order: DnsOrder): Promise<DnsReport> {
  const { host, port } = splitEndpoint(order.server);
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise<DnsReport>((resolve) => {
    const timer = setTimeout(() => resolve(noAnswer), waitMs);
    socket.on('error', () => resolve(noAnswer));
    socket.on('message', (message) => resolve(parseAnswer(message)));
    socket.send(query(order), port, host);
    socket.unref();
    timer.ref();
  }).finally(() => socket.close());
}

function askTcp(order: DnsOrder): Promise<DnsReport> {
  const { host, port } = splitEndpoint(order.server);
  const socket = connect({ host, port });
  let got = Buffer.alloc(0);
  return new Promise<DnsReport>((resolve) => {
    socket.setTimeout(waitMs, () => resolve(noAnswer));
    socket.on('error', () => resolve(noAnswer));
    socket.on('close', () => resolve(noAnswer));
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) resolve(parseAnswer(got.subarray(2)));
    });
    const message = query(order);
    socket.write(Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]));
  }).finally(() => socket.destroy());
}

/** Answers one query from fixed A records; unknown names are NXDOMAIN, other types of known names are empty. */
export function answerDns(message: Buffer, records: Readonly<Record<string, readonly string[]>>): Buffer {
  const end = skipName(message, 12);
  const labels: string[] = [];
  for (let i = 12; message.readUInt8(i) !== 0; i += message.readUInt8(i) + 1)
    labels.push(message.toString('latin1', i + 1, i + 1 + message.readUInt8(i)));
  const known = records[labels.join('.').toLowerCase()];
  const wanted = message.readUInt16BE(end) === types.A ? (known ?? []) : [];
  const header = Buffer.from([0, 0, 0x81, known === undefined ? 0x83 : 0x80, 0, 1, 0, wanted.length, 0, 0, 0, 0]);
  message.copy(header, 0, 0, 2);
  const answers = wanted.map((ip) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...ip.split('.').map(Number)]));
  return Buffer.concat([header, message.subarray(12, end + 4), ...answers]);
}
