// The octets of exported spans, taken apart again by the rules of protobuf alone.
import { expect, test } from 'vitest';
import { encodeExport, encodeSpan, type Span } from './otlp.ts';

const span: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  traceState: 'v=1',
  name: 'reviews:80/*',
  start: 1_767_323_045_067.5,
  end: 1_767_323_045_080,
  attributes: [
    ['text', 'ä'],
    ['whole', 300],
    ['real', 0.5],
    ['yes', true],
  ],
  failed: true,
};

/** Field number -> values: octets, or a number. */
type Fields = Map<number, (Buffer | bigint)[]>;

function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const octet = bytes[at++] ?? 0;
      value |= BigInt(octet & 127) << shift;
      shift += 7n;
      if (octet < 128) return value;
    }
  };
  const value = (wireType: number): Buffer | bigint => {
    if (wireType === 0) return varint();
    const length = wireType === 1 ? 8 : Number(varint());
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const list = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, [...list, value(tag & 7)]);
  }
  return fields;
}

function only(fields: Fields, field: number): Buffer {
  const [value, surplus] = fields.get(field) ?? [];
  if (!Buffer.isBuffer(value) || surplus !== undefined) throw new Error(`field ${field} is not one part`);
  return value;
}

const parts = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((each) => fieldsOf(Buffer.isBuffer(each) ? each : Buffer.alloc(0)));
const nanoseconds = (fields: Fields, field: number): bigint => only(fields, field).readBigUInt64LE();

test('a span has its fields where OTLP has them', () => {
  const fields = fieldsOf(encodeSpan(span));
  expect(only(fields, 1).toString('hex')).toBe(span.traceId);
  expect(only(fields, 2).toString('hex')).toBe(span.spanId);
  expect(only(fields, 3).toString()).toBe('v=1');
  expect(only(fields, 4).toString('hex')).toBe(span.parentId);
  expect(only(fields, 5).toString()).toBe('reviews:80/*');
  expect(fields.get(6)).toEqual([2n]);
  expect(nanoseconds(fields, 7)).toBe(1_767_323_045_067_500_000n);
  expect(nanoseconds(fields, 8)).toBe(1_767_323_045_080_000_000n);
  expect(parts(fields, 15).map((status) => status.get(3))).toEqual([[2n]]);
});

test('attributes keep the type of their values', () => {
  const attributes = parts(fieldsOf(encodeSpan(span)), 9);
  expect(attributes.map((each) => only(each, 1).toString())).toEqual(['text', 'whole', 'real', 'yes']);
  const [text, whole, real, yes] = attributes.map((each) => fieldsOf(only(each, 2)));
  expect(text?.get(1)?.toString()).toBe('ä');
  expect(whole?.get(3)).toEqual([300n]);
  expect(real && only(real, 4).readDoubleLE()).toBe(0.5);
  expect(yes?.get(2)).toEqual([1n]);
});

test('what there is not is left out', () => {
  const fields = fieldsOf(encodeSpan({ ...span, parentId: undefined, traceState: '', failed: false, attributes: [] }));
  expect([...fields.keys()]).toEqual([1, 2, 5, 6, 7, 8]);
});

test('an export is one resource, one scope, all spans', () => {
  const bytes = encodeExport([['service.name', 'waypoint.ns']], [encodeSpan(span), encodeSpan(span)]);
  const resourceSpans = fieldsOf(only(fieldsOf(bytes), 1));
  const [attribute] = parts(fieldsOf(only(resourceSpans, 1)), 1);
  expect(attribute && only(attribute, 1).toString()).toBe('service.name');
  const scopeSpans = fieldsOf(only(resourceSpans, 2));
  expect(only(fieldsOf(only(scopeSpans, 1)), 1).toString()).toBe('ambient-mesh.dev/waypoint');
  expect(scopeSpans.get(2)).toHaveLength(2);
});

test('what a client sent takes so much room at most', () => {
  expect(encodeSpan({ ...span, attributes: [['http.url', 'x'.repeat(100_000)]] }).length).toBeLessThan(1_300);
});
