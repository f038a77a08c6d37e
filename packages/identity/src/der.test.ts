// Rules of the strict DER reader (X.690 §10, §11), row by row, and its behaviour on bytes of no kind.
// The writer (node-forge's encoder) is the independent other side.
// What the structures mean is tested with x509.ts, csr.ts and crl.ts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DerCursor, parseDer, readBoolean, readInteger, readOid, tags, takeTime } from './der.ts';
import { encode, integer, octets, oid, sequence, time } from './der-write.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const octetString = (cursor: DerCursor): string => cursor.take(tags.octetString).toString('hex');
const integerOf = (cursor: DerCursor): string => readInteger(cursor.take(tags.integer));
const oidOf = (cursor: DerCursor): string => readOid(cursor.take(tags.oid));
const booleanOf = (cursor: DerCursor): boolean => readBoolean(cursor.take(tags.boolean));

const rows: readonly (readonly [name: string, bytes: string, read: (cursor: DerCursor) => unknown, want: unknown])[] = [
  ['a short length', '04 02 abcd', octetString, 'abcd'],
  ['an empty value', '04 00', octetString, ''],
  ['no bytes at all', '', octetString, undefined],
  ['a tag without a length', '04', octetString, undefined],
  ['another tag than expected', '02 01 05', octetString, undefined],
  ['a value cut short', '04 02 ab', octetString, undefined],
  ['a byte too many', '04 01 ab cd', octetString, undefined],
  ['the indefinite form', '04 80 ab 00 00', octetString, undefined],
  ['a long length where a short one fits', '04 81 01 ab', octetString, undefined],
  ['a long length with a leading zero', `04 82 00 80 ${'ab'.repeat(128)}`, octetString, undefined],
  ['the shortest long length', `04 81 80 ${'ab'.repeat(128)}`, octetString, 'ab'.repeat(128)],
  ['a length of five bytes', '04 85 00 00 00 00 01 ab', octetString, undefined],
  ['a length beyond the input', '04 84 ff ff ff ff ab', octetString, undefined],
  ['a multi-byte tag', '1f 81 01 00', (cursor) => cursor.take(0x1f), undefined],
  ['a positive integer', '02 01 7f', integerOf, '7f'],
  ['an integer with its sign byte', '02 02 00 80', integerOf, '80'],
  ['zero', '02 01 00', integerOf, '00'],
  ['an integer padded with zero', '02 02 00 7f', integerOf, undefined],
  ['an integer padded with ones', '02 02 ff 80', integerOf, undefined],
  ['an integer without a byte', '02 00', integerOf, undefined],
  ['a negative integer, apart from every other', '02 01 80', integerOf, '-80'],
  ['an object identifier', '06 03 55 1d 11', oidOf, '2.5.29.17'],
  ['an object identifier of a large first arc', '06 02 88 37', oidOf, '2.999'],
  ['an object identifier that ends within an arc', '06 02 55 9d', oidOf, undefined],
  ['an object identifier with a padded arc', '06 03 55 80 11', oidOf, undefined],
  ['an object identifier with an arc beyond 2^53', '06 0a 55 ff ff ff ff ff ff ff ff 7f', oidOf, undefined],
  ['an empty object identifier', '06 00', oidOf, undefined],
  ['true', '01 01 ff', booleanOf, true],
  ['true as BER would have it', '01 01 01', booleanOf, undefined],
  ['a UTC time of this century', `17 0d ${Buffer.from('491231235959Z').toString('hex')}`, takeTime, Date.UTC(2049, 11, 31, 23, 59, 59)],
  ['a UTC time of the last century', `17 0d ${Buffer.from('500101000000Z').toString('hex')}`, takeTime, Date.UTC(1950, 0, 1)],
  ['a generalized time', `18 0f ${Buffer.from('20500101000000Z').toString('hex')}`, takeTime, Date.UTC(2050, 0, 1)],
  ['a time with an offset', `17 11 ${Buffer.from('500101000000+0100').toString('hex')}`, takeTime, undefined],
  ['a time without seconds', `17 0b ${Buffer.from('5001010000Z').toString('hex')}`, takeTime, undefined],
  ['a day that does not exist', `17 0d ${Buffer.from('261332000000Z').toString('hex')}`, takeTime, undefined],
];
for (const [name, bytes, read, want] of rows) {
  test(`${name}: ${want === undefined ? 'refused' : 'read'}`, () => expect(parseDer(hex(bytes), read)).toBe(want));
}

test('bytes of no kind are refused or read, never thrown', () => {
  const walk = (cursor: DerCursor): void => {
    while (cursor.more) {
      if ((cursor.tag ?? 0) & 0x20) walk(cursor.enter(cursor.tag ?? 0));
      else if (cursor.tag === tags.oid) readOid(cursor.take(tags.oid));
      else if (cursor.tag === tags.integer) readInteger(cursor.take(tags.integer));
      else if (cursor.tag === tags.utcTime) takeTime(cursor);
      else cursor.skip();
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseDer(Buffer.from(bytes), walk)));
});

test('what the encoder writes is read back', () => {
  const anything = fc.record({
    bytes: fc.uint8Array({ maxLength: 70_000 }),
    number: fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((n) => n[0] !== 0),
    arcs: fc.array(fc.nat(), { maxLength: 5 }).map((arcs) => ['1', '2', '840', ...arcs].join('.')),
    at: fc.integer({ min: 0, max: 8_000_000_000 }).map((seconds) => seconds * 1_000),
  });
  fc.assert(
    fc.property(anything, ({ bytes, number, arcs, at }) => {
      const der = encode(sequence(octets(Buffer.from(bytes)), integer(Buffer.from(number)), oid(arcs), time(at)));
      const read = parseDer(der, (whole) => {
        const parts = whole.enter(tags.sequence);
        const found = [octetString(parts), integerOf(parts), oidOf(parts), takeTime(parts)];
        parts.finish();
        return found;
      });
      expect(read).toEqual([Buffer.from(bytes).toString('hex'), Buffer.from(number).toString('hex'), arcs, at]);
    }),
    { numRuns: 50 },
  );
});
