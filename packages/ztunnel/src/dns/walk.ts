// Walks a DNS message (RFC 1035 §4) without copying or understanding its records: where each one starts, ends and keeps its TTL.
// Used by message.ts to read queries and to cut and relay answers; every byte may be hostile, so every step is bounded and none throws.
// Record data is never read: answers of upstream servers are passed on as they came, whatever types they hold.

export const headerBytes = 12;
/** RFC 1035 §2.3.4: a whole name, its length bytes included. */
const maxNameBytes = 255;

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface RecordSpan extends Span {
  /** Where its fixed fields (type, class, TTL, length) start: right after the owner's name. */
  readonly fixed: number;
  readonly type: number;
}

export interface Layout {
  readonly questions: Span;
  readonly answers: readonly RecordSpan[];
  readonly authorities: readonly RecordSpan[];
  readonly additionals: readonly RecordSpan[];
}

/** The parts of a message; `undefined` when it is shorter than its own counts say or a name is malformed. Bytes after the last record are ignored. */
export function layoutOf(message: Buffer): Layout | undefined {
  if (message.length < headerBytes) return undefined;
  let at = headerBytes;
  for (let left = message.readUInt16BE(4); left > 0; left--) {
    const named = afterName(message, at);
    if (named === undefined || named + 4 > message.length) return undefined;
    at = named + 4;
  }
  const questions = { start: headerBytes, end: at };
  const answers = walkRecords(message, at, message.readUInt16BE(6));
  if (answers === undefined) return undefined;
  const authorities = walkRecords(message, answers.at(-1)?.end ?? at, message.readUInt16BE(8));
  if (authorities === undefined) return undefined;
  const additionals = walkRecords(message, authorities.at(-1)?.end ?? answers.at(-1)?.end ?? at, message.readUInt16BE(10));
  return additionals && { questions, answers, authorities, additionals };
}

function walkRecords(message: Buffer, from: number, count: number): RecordSpan[] | undefined {
  const spans: RecordSpan[] = [];
  let start = from;
  for (let left = count; left > 0; left--) {
    const fixed = afterName(message, start);
    if (fixed === undefined || fixed + 10 > message.length) return undefined;
    const end = fixed + 10 + message.readUInt16BE(fixed + 8);
    if (end > message.length) return undefined;
    spans.push({ start, end, fixed, type: message.readUInt16BE(fixed) });
    start = end;
  }
  return spans;
}

/** The offset after the name at `at`. A compression pointer ends a name and must point back, so that a chain of them cannot loop. */
function afterName(message: Buffer, at: number): number | undefined {
  for (let next = at; next < message.length; ) {
    const length = message[next] ?? 0;
    if (length === 0) return next + 1;
    if (length >= 0xc0) {
      const target = next + 1 < message.length ? message.readUInt16BE(next) & 0x3fff : at;
      return target < at ? next + 2 : undefined;
    }
    next += 1 + length;
    if (length > 63 || next - at >= maxNameBytes) return undefined;
  }
  return undefined;
}

/**
 * The uncompressed name at `at` as text: lower case, no final dot, `""` for the root, and the offset after it.
 * Bytes that no host name has (a dot inside a label included) become `\DDD` (RFC 4343 §2.1), so that no two names share a text.
 * `undefined` for a compressed or malformed name.
 */
export function nameAt(message: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = [];
  for (let next = at; next < message.length; ) {
    const length = message[next] ?? 0;
    if (length === 0) return { text: labels.join('.'), end: next + 1 };
    const end = next + 1 + length;
    if (length > 63 || end - at >= maxNameBytes || end > message.length) return undefined;
    labels.push(labelText(message.subarray(next + 1, end)));
    next = end;
  }
  return undefined;
}

const labelText = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .toLowerCase()
    .replace(/[^a-z0-9_*-]/g, (odd) => `\\${String(odd.charCodeAt(0)).padStart(3, '0')}`);

/** The wire form of a name that `nameAt` gave, without compression; `undefined` when it does not fit the limits of RFC 1035. */
export function nameBytes(text: string): Buffer | undefined {
  const parts: Buffer[] = [];
  for (const label of text === '' ? [] : text.split('.')) {
    const bytes = Buffer.from(
      label.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code))),
      'latin1',
    );
    if (bytes.length === 0 || bytes.length > 63) return undefined;
    parts.push(Buffer.of(bytes.length), bytes);
  }
  const whole = Buffer.concat([...parts, Buffer.of(0)]);
  return whole.length <= maxNameBytes ? whole : undefined;
}
