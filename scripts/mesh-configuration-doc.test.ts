// The mesh configuration on the page of istiod-lite's settings against what reads it: every key that is read is named there.
// Settings themselves are generated; the mesh configuration has no table to generate from.
import { expect, test } from 'vitest';
import { readInHouse, sources } from './testing/doc-pages.ts';

const readers = sources('packages/{istiod-lite/src/mesh-config,translate/src/mesh-config/providers}.ts');
const reads = /\b(?:texts?|flag|whole|number|parts?|oneOf|duration|pairs|lower)\('([A-Za-z]+)'/g;

test('every key that is read is on the page', () => {
  const page = readInHouse('docs/configuration-istiod-lite.md');
  const section = page.slice(page.indexOf('## Mesh configuration'), page.indexOf('## What follows from what'));
  const keys = new Set(readers.flatMap(({ text }) => Array.from(text.matchAll(reads), ([, key = '']) => key)));
  expect(keys.size).toBeGreaterThan(30);
  expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(section))).toEqual([]);
});
