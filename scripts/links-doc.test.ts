// Every link of the documentation that stays in the repository leads somewhere: the file is there, and so is the heading.
// Pages elsewhere are not asked for.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { anchorsOf, docPages, localLinks, type Page, pathInHouse } from './testing/doc-pages.ts';

const pages = docPages();
const byPath = new Map(pages.map((page) => [page.path, page]));

/** Undefined: it leads there. */
function brokenBecause(from: Page, link: string): string | undefined {
  const [file = '', anchor] = link.split('#', 2);
  const path = file === '' ? from.path : join(dirname(from.path), decodeURI(file));
  if (!existsSync(pathInHouse(path))) return 'there is no such file';
  if (anchor === undefined) return undefined;
  const page = byPath.get(path);
  if (page === undefined) return 'only pages have headings';
  return anchorsOf(page).has(anchor) ? undefined : 'the page has no such heading';
}

test.each(pages.map((page) => [page.path, page] as const))('every link of %s leads somewhere', (_, page) => {
  const broken = localLinks(page).flatMap((link) => {
    const why = brokenBecause(page, link);
    return why === undefined ? [] : [`${link}: ${why}`];
  });
  expect(broken).toEqual([]);
});

test('every page can be reached from the README or the map of the documentation', () => {
  const reached = new Set(['README.md', 'docs/README.md']);
  for (const path of reached) {
    const page = byPath.get(path);
    for (const link of page === undefined ? [] : localLinks(page)) {
      const [file = ''] = link.split('#', 1);
      if (file !== '') reached.add(join(dirname(path), decodeURI(file)));
    }
  }
  expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});
