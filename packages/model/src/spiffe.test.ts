// SPIFFE ids: the exact form or nothing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpiffeId, principalOf, sameId, spiffeId } from './spiffe.ts';

describe('parseSpiffeId', () => {
  const rows: readonly (readonly [rule: string, uri: string, valid: boolean])[] = [
    ['trust domain, namespace and service account', 'spiffe://cluster.local/ns/a/sa/b', true],
    ['any characters in the parts', 'spiffe://td/ns/ä "x",\0/sa/*', true],
    ['an empty namespace', 'spiffe://td/ns//sa/b', true],
    ['an empty service account', 'spiffe://td/ns/a/sa/', true],
    ['no trust domain is refused', 'spiffe:///ns/a/sa/b', false],
    ['a slash at the end is refused', 'spiffe://td/ns/a/sa/b/', false],
    ['a part too many is refused', 'spiffe://td/ns/a/sa/b/c', false],
    ['a part too few is refused', 'spiffe://td/ns/a/sa', false],
    ['another word than ns is refused', 'spiffe://td/xx/a/sa/b', false],
    ['another word than sa is refused', 'spiffe://td/ns/a/xx/b', false],
    ['another scheme is refused', 'https://td/ns/a/sa/b', false],
    ['the scheme in capitals is refused', 'SPIFFE://td/ns/a/sa/b', false],
    ['nothing is refused', '', false],
    ['more than 2048 characters are refused', `spiffe://td/ns/a/sa/${'b'.repeat(2048)}`, false],
  ];
  for (const [rule, uri, valid] of rows) test(rule, () => expect(parseSpiffeId(uri)?.uri).toBe(valid ? uri : undefined));

  test('undoes spiffeId', () => {
    const part = fc.string({ maxLength: 60 }).filter((text) => !text.includes('/'));
    fc.assert(
      fc.property(
        part.filter((text) => text !== ''),
        part,
        part,
        (trustDomain, namespace, serviceAccount) => {
          const id = spiffeId(trustDomain, namespace, serviceAccount);
          expect(parseSpiffeId(id.uri)).toEqual(id);
        },
      ),
    );
  });

  test('reads any text, and only what it would write', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `spiffe://td/ns/${rest}`),
        ),
        (uri) => {
          const id = parseSpiffeId(uri);
          if (id) expect(spiffeId(id.trustDomain, id.namespace, id.serviceAccount)).toEqual(id);
        },
      ),
    );
  });
});

test('ids are equal when all parts are', () => {
  expect(sameId(spiffeId('td', 'a', 'b'), spiffeId('td', 'a', 'b'))).toBe(true);
  expect(sameId(spiffeId('td', 'a', 'b'), spiffeId('other', 'a', 'b'))).toBe(false);
});

test('a principal is the id without its scheme', () => expect(principalOf(spiffeId('td', 'a', 'b'))).toBe('td/ns/a/sa/b'));
