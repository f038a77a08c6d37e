// Spans in the octets of OTLP: an ExportTraceServiceRequest in protobuf, the same for gRPC and HTTP. Pure.
// Used by span-exporter.ts. Field numbers are those of opentelemetry-proto 1.x (trace.proto, common.proto, resource.proto).

export interface Span {
  /** Hexadecimal digits: 32, 16, 16. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly traceState: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  /** It failed, by our or the endpoint's fault. */
  readonly failed: boolean;
}

export type Attributes = readonly (readonly [key: string, value: string | number | boolean])[];

const serverKind = 2;
const errorCode = 2;
/** A value says at most so much: what clients send is in there. */
const longestValue = 1_024;

/** `resource`: who speaks. `spans`: as `encodeSpan` made them. */
export function encodeExport(resource: Attributes, spans: readonly Buffer[]): Buffer {
  const scope = message(text(1, 'ambient-mesh.dev/waypoint'));
  const scopeSpans = message(part(1, scope), ...spans.map((span) => part(2, span)));
  const resourceSpans = message(part(1, message(...attributesIn(1, resource))), part(2, scopeSpans));
  return message(part(1, resourceSpans));
}

/** Bounded, and holds on to nothing of the request. */
export function encodeSpan(span: Span): Buffer {
  return message(
    part(1, Buffer.from(span.traceId, 'hex')),
    part(2, Buffer.from(span.spanId, 'hex')),
    ...(span.traceState === '' ? [] : [text(3, span.traceState)]),
    ...(span.parentId === undefined ? [] : [part(4, Buffer.from(span.parentId, 'hex'))]),
    text(5, span.name),
    number(6, serverKind),
    nanoseconds(7, span.start),
    nanoseconds(8, span.end),
    ...attributesIn(9, span.attributes),
    ...(span.failed ? [part(15, message(number(3, errorCode)))] : []),
  );
}

const attributesIn = (field: number, attributes: Attributes): Buffer[] =>
  attributes.map(([key, value]) => part(field, message(text(1, key), part(2, anyValue(value)))));

function anyValue(value: string | number | boolean): Buffer {
  if (typeof value === 'string') return text(1, value);
  if (typeof value === 'boolean') return number(2, value ? 1 : 0);
  return Number.isSafeInteger(value) && value >= 0 ? number(3, value) : double(4, value);
}

const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
const tag = (field: number, wireType: number): Buffer => varint(field * 8 + wireType);
const number = (field: number, value: number): Buffer => Buffer.concat([tag(field, 0), varint(value)]);
const part = (field: number, bytes: Buffer): Buffer => Buffer.concat([tag(field, 2), varint(bytes.length), bytes]);
const text = (field: number, value: string): Buffer => part(field, Buffer.from(value.slice(0, longestValue)));

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, 1), bytes]);
}

function nanoseconds(field: number, milliseconds: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(Math.max(0, Math.round(milliseconds * 1_000))) * 1_000n);
  return Buffer.concat([tag(field, 1), bytes]);
}

/** Up to 2^53. */
function varint(value: number): Buffer {
  const octets: number[] = [];
  let left = value;
  while (left >= 128) {
    octets.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  octets.push(left);
  return Buffer.from(octets);
}
