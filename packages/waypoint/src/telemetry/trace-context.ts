// Where a request stands in a distributed trace, as its headers tell: W3C `traceparent`, B3 in one header or in several. Pure.
// Read when a request comes, written into what goes on (tracing.ts). A header that is not what it should be counts as absent.
import type { HeaderList } from '@ambient-mesh/wire/http/message';

type TraceFormat = 'w3c' | 'b3' | 'b3-multi';

export interface IncomingTrace {
  /** 32 hexadecimal digits; absent: only a decision came. */
  readonly traceId?: string;
  /** 16 hexadecimal digits: the caller's span. */
  readonly parentId?: string;
  /** Absent: left to us. */
  readonly sampled?: boolean;
  /** In which forms it was told; each is told again to the endpoint. */
  readonly formats: ReadonlySet<TraceFormat>;
}

/** What the endpoint is to take for its parent. */
export interface OutgoingTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly sampled: boolean;
  readonly formats: ReadonlySet<TraceFormat>;
}

const multi = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'] as const;
const written: ReadonlySet<string> = new Set(['traceparent', 'b3', ...multi]);

/** Of several forms, W3C's counts before B3's. */
export function readTrace(headers: HeaderList): IncomingTrace {
  const found = new Map<string, string | undefined>();
  // Told twice is not told.
  for (const [name, value] of headers) if (written.has(name)) found.set(name, found.has(name) ? undefined : value.trim());
  const told: readonly (readonly [TraceFormat, Told | undefined])[] = [
    ['w3c', w3cOf(found.get('traceparent'))],
    ['b3', b3Of(found.get('b3'))],
    ['b3-multi', multiOf(found)],
  ];
  const formats = new Set(told.flatMap(([format, one]) => (one === undefined ? [] : format)));
  const usable = told.map(([, one]) => one).filter((one) => one !== undefined);
  const first = usable.find(({ traceId }) => traceId !== undefined) ?? usable[0];
  return { ...first, formats };
}

/** `headers` with the trace in them: W3C always, B3 where it came so. `tracestate` goes on only with the trace that it belongs to. */
export function writeTrace(headers: HeaderList, { traceId, spanId, parentId, sampled, formats }: OutgoingTrace): HeaderList {
  const keepsState = formats.has('w3c');
  const kept = headers.filter(([name]) => !written.has(name) && (keepsState || name !== 'tracestate'));
  const flag = sampled ? '1' : '0';
  const added: (readonly [string, string])[] = [['traceparent', `00-${traceId}-${spanId}-0${flag}`]];
  if (formats.has('b3')) added.push(['b3', `${traceId}-${spanId}-${flag}${parentId === undefined ? '' : `-${parentId}`}`]);
  if (formats.has('b3-multi')) {
    added.push(['x-b3-traceid', traceId], ['x-b3-spanid', spanId], ['x-b3-sampled', flag]);
    if (parentId !== undefined) added.push(['x-b3-parentspanid', parentId]);
  }
  return [...kept, ...added];
}

type Told = Omit<IncomingTrace, 'formats'>;

const notZero = (id: string): boolean => /[^0]/.test(id);

/** Version 00 is exactly so long; later ones may add fields after a dash (W3C Trace Context §3.2). */
function w3cOf(value: string | undefined): Told | undefined {
  const match = value === undefined ? null : /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value);
  if (match === null) return undefined;
  const [, version, traceId = '', parentId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (!notZero(traceId) || !notZero(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function b3Of(value: string | undefined): Told | undefined {
  if (value === undefined) return undefined;
  const alone = decision(value);
  if (alone !== undefined) return { sampled: alone };
  const match = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d]))?(?:-[0-9a-f]{16})?$/i.exec(value);
  return match === null ? undefined : idsOf(match[1], match[2], decision(match[3]));
}

function multiOf(found: ReadonlyMap<string, string | undefined>): Told | undefined {
  const [traceId, spanId, , sampledText, flags] = multi.map((name) => found.get(name));
  const sampled = flags === '1' ? true : decision(sampledText);
  const whole = /^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(traceId ?? '') && /^[0-9a-f]{16}$/i.test(spanId ?? '');
  const ids = whole ? idsOf(traceId, spanId, sampled) : undefined;
  return ids ?? (sampled === undefined ? undefined : { sampled });
}

/** Short trace ids are filled up from the left, as the longer form is meant to be read. */
function idsOf(traceId = '', parentId = '', sampled?: boolean): Told | undefined {
  if (!notZero(traceId) || !notZero(parentId)) return undefined;
  const ids = { traceId: traceId.toLowerCase().padStart(32, '0'), parentId: parentId.toLowerCase() };
  return sampled === undefined ? ids : { ...ids, sampled };
}

function decision(text: string | undefined): boolean | undefined {
  switch (text?.toLowerCase()) {
    case '1':
    case 'd':
    case 'true':
      return true;
    case '0':
    case 'false':
      return false;
    default:
      return undefined;
  }
}
