// What plugins keep by name: versions that they can compare, and an end to how much it is.
import { expect, test } from 'vitest';
import { BoundedStore } from './store.ts';

const octets = (length: number): Uint8Array => new Uint8Array(length);

test('a value has a version that grows', () => {
  const store = new BoundedStore(100);
  expect(store.set('a', octets(1))).toBe('kept');
  expect(store.set('a', octets(2))).toBe('kept');
  expect(store.get('a')).toEqual({ value: octets(2), version: 2 });
});

test('a value that was changed meanwhile is not replaced', () => {
  const store = new BoundedStore(100);
  expect(store.set('a', octets(1), 1)).toBe('changed meanwhile');
  store.set('a', octets(1));
  expect(store.set('a', octets(2), 1)).toBe('kept');
  expect(store.set('a', octets(3), 1)).toBe('changed meanwhile');
  expect(store.get('a')?.value).toEqual(octets(2));
});

test('names and values count; what is replaced counts no more', () => {
  const store = new BoundedStore(10);
  expect(store.set('ab', octets(8))).toBe('kept');
  expect(store.set('c', octets(0))).toBe('too much');
  expect(store.set('ab', octets(7))).toBe('kept');
  expect(store.set('c', octets(0))).toBe('kept');
  expect(store.set('ab', octets(8))).toBe('too much');
});
