// docs/reference/ports.md against the programs: every port of the mesh that a source names by number is on the page.
import { expect, test } from 'vitest';
import { readInHouse, sources } from './testing/doc-pages.ts';

const programs = 'packages/{host,wire,ztunnel,waypoint,istiod-lite,cni-agent}/src/**/*.ts';

test('every port that a program names is on the page', () => {
  const page = readInHouse('docs/reference/ports.md');
  const code = sources(programs).map(({ text }) => text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, ''));
  const ports = new Set(code.flatMap((text) => Array.from(text.matchAll(/\b15_?(0\d\d)\b/g), ([, end = '']) => `15${end}`)));
  expect(ports.size).toBeGreaterThan(8);
  expect([...ports].filter((port) => !new RegExp(`\\b${port}\\b`).test(page)).sort()).toEqual([]);
});
