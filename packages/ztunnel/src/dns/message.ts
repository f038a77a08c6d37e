// DNS messages as the proxy needs them: a query read from hostile bytes, an answer of our own, an upstream's answer relayed.
// Called by proxy.ts and forward.ts; walk.ts knows the layout. Nothing here throws on what a peer sent.
// An upstream's answer is passed on byte by byte (id and three flags aside), so that record types unknown to us, signatures and the case of names survive.
import { familyOf, type Ip, ipToBytes } from '@ambient-mesh/model/address';
import { headerBytes, layoutOf, nameAt, nameBytes, type RecordSpan } from './walk.ts';

export type Transport = 'udp' | 'tcp';

/** RFC 1035 §4.1.1 and the IANA registry of DNS parameters. */
export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;
const types = { a: 1, cname: 5, aaaa: 28, opt: 41 } as const;
export const classIn = 1;

/** Seconds that a client may keep an answer of ours: pods come and go. */
const ownTtlS = 30;
const flag = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
};
const opcodeMask = 0x7800;
const largestPlainUdp = 512;
/** What fits a UDP datagram over IPv4. */
const largestUdp = 65_507;
const largestTcp = 65_535;
const optBytes = 11;

export interface Query {
  /** The whole message, without what may follow its last record. */
  readonly bytes: Buffer;
  /** The question section as it came; an answer must repeat it. */
  readonly question: Buffer;
  /** Lower case, no final dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly edns?: { readonly payload: number; readonly version: number; readonly dnssecOk: boolean };
  /** The largest answer in bytes that the client takes over this transport. */
  readonly limit: number;
}

/** What to do about a message: answer the query, send this reply at once, or stay silent. */
export type Reading = { readonly query: Query } | { readonly reply: Buffer } | 'ignore';

/** Addresses for a name; `alias` is the name that the asked one stands for (a CNAME), if it does. */
export interface OwnAnswer {
  readonly alias?: string | undefined;
  readonly ips: readonly Ip[];
}

/**
 * Reads a query. What is not one is refused by its rcode; what has no usable header is ignored,
 * and so is a response over UDP: answering those would let a forged source address start an endless exchange of errors.
 */
export function readQuery(message: Buffer, transport: Transport): Reading {
  if (message.length < headerBytes) return 'ignore';
  const flags = message.readUInt16BE(2);
  if ((flags & flag.response) !== 0) return transport === 'udp' ? 'ignore' : { reply: bareReply(message, rcodes.formErr) };
  if ((flags & opcodeMask) !== 0) return { reply: bareReply(message, rcodes.notImp) };
  return readStandardQuery(message, transport) ?? { reply: bareReply(message, rcodes.formErr) };
}

function readStandardQuery(message: Buffer, transport: Transport): Reading | undefined {
  const layout = message.readUInt16BE(4) === 1 ? layoutOf(message) : undefined;
  const name = layout && nameAt(message, headerBytes);
  if (layout === undefined || name === undefined) return undefined;
  const { answers, authorities, additionals } = layout;
  const opts = additionals.filter((r) => r.type === types.opt);
  if (opts.length > 1) return undefined;
  const edns = opts[0] && readEdns(message, opts[0]);
  const udpLimit = Math.min(edns?.payload ?? largestPlainUdp, largestUdp);
  const end = [...answers, ...authorities, ...additionals].at(-1)?.end ?? layout.questions.end;
  return {
    query: {
      bytes: message.subarray(0, end),
      question: message.subarray(headerBytes, layout.questions.end),
      name: name.text,
      type: message.readUInt16BE(name.end),
      class: message.readUInt16BE(name.end + 2),
      ...(edns && { edns }),
      limit: transport === 'tcp' ? largestTcp : udpLimit,
    },
  };
}

/** RFC 6891 §6.1: the class field is the sender's payload size, the TTL holds version and flags. */
function readEdns(message: Buffer, opt: RecordSpan): NonNullable<Query['edns']> {
  return {
    payload: Math.max(message.readUInt16BE(opt.fixed + 2), largestPlainUdp),
    version: message.readUInt8(opt.fixed + 5),
    dnssecOk: (message.readUInt8(opt.fixed + 6) & 0x80) !== 0,
  };
}

/** An authoritative answer of ours. Records that do not fit the client's limit are left out and TC says so. */
export function ownAnswer(query: Query, { alias, ips }: OwnAnswer): Buffer {
  const aliasName = alias === undefined ? undefined : nameBytes(alias);
  if (alias !== undefined && aliasName === undefined) return errorReply(query, rcodes.servFail);
  const opt = query.edns === undefined ? Buffer.alloc(0) : optRecord(query.edns);
  const fixed = headerBytes + query.question.length;
  // Names are compressed (RFC 1035 §4.1.4): the question's is at offset 12, the alias right after its CNAME record's fixed part.
  const cname = aliasName && record(headerBytes, types.cname, aliasName);
  const owner = cname === undefined ? headerBytes : fixed + 12;
  const records = [...(cname === undefined ? [] : [cname]), ...ips.map((ip) => addressRecord(owner, ip))];
  const fits = countWithin(records, query.limit - fixed - opt.length);
  const flags = flag.authoritative | (fits < records.length ? flag.truncated : 0);
  return Buffer.concat([header(query, flags, fits), query.question, ...records.slice(0, fits), opt]);
}

/** An answer that has nothing but a code. */
export function errorReply(query: Query, rcode: number): Buffer {
  const opt = query.edns === undefined ? Buffer.alloc(0) : optRecord(query.edns);
  return Buffer.concat([header(query, rcode, 0), query.question, opt]);
}

/** Whether this is the answer to the query that was sent as `id`: same id, a response, same question (RFC 5452 §9.1); errors may leave the question out. */
export function answers(response: Buffer, query: Query, id: number): boolean {
  if (response.length < headerBytes || response.readUInt16BE(0) !== id) return false;
  if ((response.readUInt16BE(2) & (flag.response | opcodeMask)) !== flag.response) return false;
  if (response.readUInt16BE(4) === 0) return rcodeOf(response) !== rcodes.noError;
  const question = response.subarray(headerBytes, headerBytes + query.question.length);
  return response.readUInt16BE(4) === 1 && foldCase(question) === foldCase(query.question);
}

const foldCase = (bytes: Buffer): string => bytes.toString('latin1').toLowerCase();

export const rcodeOf = (response: Buffer): number => response.readUInt8(3) & 0x0f;

export const isTruncated = (response: Buffer): boolean => (response.readUInt16BE(2) & flag.truncated) !== 0;

/** The query under another id, so that whoever has not seen it cannot forge an answer. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** An upstream's answer, made ours: the client's id, not authoritative, recursion available, cut to what the client takes. SERVFAIL if it is malformed. */
export function relay(response: Buffer, query: Query): Buffer {
  const layout = layoutOf(response);
  if (layout === undefined) return errorReply(query, rcodes.servFail);
  const copy = Buffer.from(response);
  query.bytes.copy(copy, 0, 0, 2);
  const flags = (response.readUInt16BE(2) & ~flag.authoritative) | flag.recursionAvailable;
  copy.writeUInt16BE(flags, 2);
  if (copy.length <= query.limit) return copy;
  // Only whole answers from the front may stay: compression points backwards. The OPT record has no names, so it may move.
  const room = query.limit - layout.questions.end;
  const opt = layout.additionals.find((r) => r.type === types.opt && r.end - r.start <= room);
  const optPart = opt === undefined ? Buffer.alloc(0) : copy.subarray(opt.start, opt.end);
  const records = layout.answers.map(({ start, end }) => copy.subarray(start, end));
  const fits = countWithin(records, room - optPart.length);
  copy.writeUInt16BE(flags | flag.truncated, 2);
  copy.writeUInt16BE(fits, 6);
  copy.writeUInt16BE(0, 8);
  copy.writeUInt16BE(opt === undefined ? 0 : 1, 10);
  return Buffer.concat([copy.subarray(0, layout.questions.end), ...records.slice(0, fits), optPart]);
}

/** A message as TCP carries it: behind its length (RFC 1035 §4.2.2). */
export function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(2 + message.length);
  bytes.writeUInt16BE(message.length, 0);
  message.copy(bytes, 2);
  return bytes;
}

/** How many of the parts, from the first, go into `room` bytes. */
function countWithin(parts: readonly Buffer[], room: number): number {
  let left = room;
  const over = parts.findIndex((part) => {
    left -= part.length;
    return left < 0;
  });
  return over === -1 ? parts.length : over;
}

/** A header over the client's id; recursion desired and checking disabled are repeated (RFC 1035 §4.1.1, RFC 4035 §3.2.2). */
function header(query: Query, flags: number, answerCount: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  query.bytes.copy(bytes, 0, 0, 2);
  const repeated = query.bytes.readUInt16BE(2) & (flag.recursionDesired | flag.checkingDisabled);
  bytes.writeUInt16BE(flag.response | flag.recursionAvailable | repeated | flags, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(answerCount, 6);
  bytes.writeUInt16BE(query.edns === undefined ? 0 : 1, 10);
  return bytes;
}

/** A reply to a message that could not be read as a query: its id, opcode and RD, and the code; no sections. */
function bareReply(message: Buffer, rcode: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  message.copy(bytes, 0, 0, 2);
  const repeated = message.readUInt16BE(2) & (opcodeMask | flag.recursionDesired);
  bytes.writeUInt16BE(flag.response | flag.recursionAvailable | repeated | rcode, 2);
  return bytes;
}

function addressRecord(owner: number, ip: Ip): Buffer {
  return record(owner, familyOf(ip) === 4 ? types.a : types.aaaa, ipToBytes(ip));
}

function record(owner: number, type: number, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt16BE(0xc000 | owner, 0);
  bytes.writeUInt16BE(type, 2);
  bytes.writeUInt16BE(classIn, 4);
  bytes.writeUInt32BE(ownTtlS, 6);
  bytes.writeUInt16BE(data.length, 10);
  bytes.set(data, 12);
  return bytes;
}

function optRecord({ payload, version, dnssecOk }: NonNullable<Query['edns']>): Buffer {
  const bytes = Buffer.alloc(optBytes);
  bytes.writeUInt16BE(types.opt, 1);
  bytes.writeUInt16BE(payload, 3);
  bytes.writeUInt8(version, 6);
  bytes.writeUInt8(dnssecOk ? 0x80 : 0, 7);
  return bytes;
}
