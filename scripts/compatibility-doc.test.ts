// The pages of compatibility name tests of ours; each must exist, and what is quoted must be in it. So a test is not renamed or dropped unnoticed.
// A row's quotes belong to the last file named before them. Whether the test shows what the page says is for people to judge.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const pages = ['compatibility.md', 'compatibility-istiod-lite.md', 'compatibility-cni-agent.md', 'compatibility-waypoint.md'];
const page = pages.map((name) => readFileSync(join(root, 'docs', name), 'utf8')).join('\n');

/** `model/next-hop.test.ts` is in packages/model/src; the page says so, and what starts elsewhere is a whole path. */
function pathOf(named: string): string {
  const [first = '', ...rest] = named.split('/');
  return ['e2e', 'packages', 'scripts'].includes(first) ? named : ['packages', first, 'src', ...rest].join('/');
}

interface Named {
  readonly file: string;
  readonly quotes: readonly string[];
}

const named: readonly Named[] = page.split('\n').flatMap((line) =>
  Array.from(line.matchAll(/`([\w/.-]+\.(?:test|compliance)\.ts)`([^`]*)/g), ([, file = '', after = '']) => ({
    file,
    quotes: Array.from(after.matchAll(/"([^"]+)"/g), ([, quote = '']) => quote),
  })),
);

test.each([...new Map(named.map(({ file }) => [pathOf(file), file]))])('%s exists', (path) => {
  expect(existsSync(join(root, path))).toBe(true);
});

test('what is quoted is there', () => {
  const missing = named.flatMap(({ file, quotes }) => {
    const text = readFileSync(join(root, pathOf(file)), 'utf8').replaceAll("\\'", "'");
    return quotes.filter((quote) => !text.includes(quote)).map((quote) => `${file}: ${quote}`);
  });
  expect(missing).toEqual([]);
});
