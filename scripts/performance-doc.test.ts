// The figures of docs/performance.md are those of the README, which has them from the benchmarks: none is changed in one place only.
// What the formulae make of them is for people to judge.
import { expect, test } from 'vitest';
import { readInHouse } from './testing/doc-pages.ts';

const page = readInHouse('docs/performance.md');
const readme = readInHouse('README.md');
const measured = page.slice(page.indexOf('## Figures to reckon with'), page.indexOf('## Formulae'));
const rows = Array.from(measured.matchAll(/^\| (.+) \| ([\d.,]+) \|$/gm), ([, what = '', figure = '']) => [what, figure] as const);

test('there are figures', () => expect(rows.length).toBeGreaterThan(15));

test.each(rows)('%s: %s', (_, figure) => {
  const whole = new RegExp(`(?<![\\d.,])${figure.replaceAll('.', '\\.')}(?![\\d]|[.,]\\d)`);
  expect(readme).toMatch(whole);
});
