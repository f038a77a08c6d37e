// A line of a ztunnel's log as a record, from either of its formats; ours and Istio's are written alike (facts: ztunnel §9.2). Pure.
// What is no line of the access log, or cannot be read, is undefined: most lines of a log are about something else.
import { numberOf, objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { parsedJson } from '../files.ts';
import type { AccessRecord, Party } from './record.ts';

/** `connection complete` is an end, `connection failed` a refusal before anything was known. */
const messages: ReadonlySet<string> = new Set(['connection complete', 'connection failed']);

export function parseZtunnelLine(line: string): AccessRecord | undefined {
  const fields = line.startsWith('{') ? jsonFields(line) : plainFields(line);
  if (fields === undefined || !messages.has(textOf(fields.message))) return undefined;
  const error = textOf(fields.error);
  const policy = textOf(fields.policy);
  const direction = fields.direction === 'outbound' ? 'outbound' : 'inbound';
  const [sent, received] = [amountOf(fields.bytes_sent), amountOf(fields.bytes_recv)];
  return {
    time: textOf(fields.time),
    from: party(fields, 'src'),
    to: party(fields, 'dst'),
    service: textOf(fields['dst.service']),
    direction,
    request: '',
    status: 0,
    outcome: error === '' ? 'ok' : isDenial(error, policy) ? 'denied' : 'failed',
    policy,
    error,
    // A ztunnel counts from its own side: what an outbound one sent is the request.
    sentBytes: direction === 'outbound' ? sent : received,
    receivedBytes: direction === 'outbound' ? received : sent,
    durationMs: amountOf(textOf(fields.duration).replace(/ms$/, '')),
  };
}

/** The client's ztunnel hears of a denial only that it was one. */
const isDenial = (error: string, policy: string): boolean =>
  policy !== '' || error.includes('policy rejection') || /^http status: 40[13]\b/.test(error);

function party(fields: RawObject, side: 'src' | 'dst'): Party {
  const of = (name: string): string => textOf(fields[`${side}.${name}`]);
  const address = side === 'dst' ? of('hbone_addr') || of('addr') : of('addr');
  return { workload: of('workload'), namespace: of('namespace'), identity: of('identity'), address };
}

function amountOf(value: unknown): number {
  const amount = typeof value === 'string' && value !== '' ? Number(value) : numberOf(value);
  return Number.isFinite(amount) && amount >= 0 ? amount : 0;
}

function jsonFields(line: string): RawObject | undefined {
  return objectOf(parsedJson(line));
}

/** `time TAB level TAB scope TAB message TAB fields`. */
function plainFields(line: string): RawObject | undefined {
  const [time, , , message, ...rest] = line.split('\t');
  if (time === undefined || message === undefined || !messages.has(message)) return undefined;
  const fields: Record<string, unknown> = { time, message };
  for (const [, name = '', quoted, bare] of rest.join('\t').matchAll(field)) fields[name] = quoted === undefined ? bare : unquoted(quoted);
  return fields;
}

const field = /([\w.]+)=(?:("(?:[^"\\]|\\.)*")|(\S*))/g;

const unquoted = (text: string): string => {
  const value = parsedJson(text);
  return typeof value === 'string' ? value : text.slice(1, -1);
};
