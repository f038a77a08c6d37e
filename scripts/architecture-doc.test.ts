// docs/architecture.md against the house: the files that it leads the reader to are there, and its table is the one that is enforced.
// Whether a file does what the page says is for people to judge.
import { expect, test } from 'vitest';
import { inBackticks, readInHouse, sources } from './testing/doc-pages.ts';

const page = readInHouse('docs/architecture.md');

const files = sources().map(({ path }) => path);
/** `ztunnel/src/outbound/serve.ts` whole; `forward.ts` and `push/debounce.ts` of whatever program the row is about. */
const exists = (named: string): boolean => files.some((path) => path === `packages/${named}` || path.endsWith(`/${named}`));

test('the files that it names are there', () => {
  const named = [...inBackticks(page)].filter((name) => /^(?!packages|e2e|scripts)[\w./-]+\.ts$/.test(name));
  expect(named.length).toBeGreaterThan(60);
  expect(named.filter((name) => !exists(name))).toEqual([]);
});

test('its table is the one that is enforced', () => {
  const source = readInHouse('scripts/layers/imports.ts');
  const list = (text: string): readonly string[] => Array.from(text.matchAll(/'([a-z-]+)'/g), ([, name = '']) => name);
  const allButKube = list(/allButKube = (\[.*\])/.exec(source)?.[1] ?? '');
  const table = source.slice(source.indexOf('const mayImport'), source.indexOf('};'));
  const enforced = new Map(
    Array.from(table.matchAll(/^ {2}'?([a-z0-9-]+)'?: (.*),$/gm), ([, from = '', to = '']) => [
      from,
      to === 'allButKube' ? allButKube : list(to),
    ]),
  );
  const [head = '', ...rows] = page.split('\n').filter((line) => /^\| (?:from, may|[a-z0-9-]+ \|(?: (?:yes|ZDS only)? ?\|)+$)/.test(line));
  const columns = head
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
  const shown = rows.map((row) => {
    const [from = '', ...cells] = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return [from, columns.filter((_, at) => cells[at] !== '')] as const;
  });
  expect(shown.length).toBeGreaterThan(8);
  for (const [from, to] of shown) expect([from, [...to].sort()]).toEqual([from, [...(enforced.get(from) ?? [])].sort()]);
  const unshown = [...enforced].filter(([from, to]) => from !== 'e2e' && to.length > 0 && !shown.some(([each]) => each === from));
  expect(unshown).toEqual([]);
});
