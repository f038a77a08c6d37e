// The pprof file of a known profile, read back field by field with a reader that shares no code with the writer.
import { expect, test } from 'vitest';
import { encodePprof } from './pprof.ts';

type Fields = Map<number, (number | Buffer)[]>;

function read(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const length = (key & 7) === 2 ? varint() : undefined;
    const value = length === undefined ? varint() : bytes.subarray(at, at + length);
    at += length ?? 0;
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}
const messages = (of: Fields, field: number): Fields[] => (of.get(field) ?? []).map((bytes) => read(bytes as Buffer));
const packed = (value: number | Buffer | undefined): number[] => {
  const all = read(
    Buffer.concat(
      [...(value as Buffer)].reduce<Buffer[]>((out, byte, i, bytes) => {
        if (i === 0 || (bytes[i - 1] ?? 0) < 128) out.push(Buffer.of(8));
        out.push(Buffer.of(byte));
        return out;
      }, []),
    ),
  );
  return (all.get(1) ?? []) as number[];
};

test('samples count their stacks, leaf first, and names are in the string table', () => {
  const frame = (functionName: string, lineNumber: number) => ({
    functionName,
    scriptId: '1',
    url: 'file:///a.ts',
    lineNumber,
    columnNumber: 0,
  });
  const profile = read(
    Buffer.from(
      encodePprof(
        {
          nodes: [
            { id: 1, callFrame: frame('(root)', -1), children: [2, 3] },
            { id: 2, callFrame: frame('work', 9), children: [300] },
            { id: 3, callFrame: frame('', 20) },
            { id: 300, callFrame: frame('inner', 30) },
          ],
          samples: [300, 300, 3],
          startTime: 1_000,
          endTime: 4_000,
        },
        1_000,
      ),
    ),
  );
  const strings = (profile.get(6) ?? []).map(String);
  expect(strings[0]).toBe('');
  const text = (index: number | Buffer | undefined): string => strings[Number(index)] ?? '?';
  expect(messages(profile, 1).map((v) => [text(v.get(1)?.[0]), text(v.get(2)?.[0])])).toEqual([
    ['samples', 'count'],
    ['cpu', 'nanoseconds'],
  ]);
  expect(messages(profile, 2).map((s) => [packed(s.get(1)?.[0]), packed(s.get(2)?.[0])])).toEqual([
    [
      [300, 2, 1],
      [2, 2_000_000],
    ],
    [
      [3, 1],
      [1, 1_000_000],
    ],
  ]);
  expect(messages(profile, 5).map((f) => [f.get(1)?.[0], text(f.get(2)?.[0]), text(f.get(4)?.[0]), f.get(5)?.[0]])).toEqual([
    [1, '(root)', 'file:///a.ts', undefined],
    [2, 'work', 'file:///a.ts', 10],
    [3, '(anonymous)', 'file:///a.ts', 21],
    [300, 'inner', 'file:///a.ts', 31],
  ]);
  expect([profile.get(10), profile.get(12)]).toEqual([[3_000_000], [1_000_000]]);
});
