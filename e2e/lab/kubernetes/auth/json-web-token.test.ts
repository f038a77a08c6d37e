// Tokens of our own are read back; whatever else is sent is none.
import { newKeyPair } from '@ambient-mesh/identity/keys';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readToken, signToken } from './json-web-token.ts';

const keys = newKeyPair();
const claims = { sub: 'me', aud: ['a', 'b'], exp: 1 };

test('what was signed is read', () => {
  expect(readToken(keys, signToken(keys, claims))).toEqual(claims);
});

test('by another key, changed, cut, or without a signature it is none', () => {
  const token = signToken(keys, claims);
  const [header = '', , signature = ''] = token.split('.');
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'you' })).toString('base64url');
  const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
  const none = [
    signToken(newKeyPair(), claims),
    `${header}.${forged}.${signature}`,
    token.slice(0, -9),
    `${unsigned}.${forged}.`,
    `${token}.x`,
  ];
  expect(none.map((each) => readToken(keys, each))).toEqual(none.map(() => undefined));
});

test('any text is none', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      expect(readToken(keys, `${a}.${b}.${c}`)).toBeUndefined();
    }),
  );
});
