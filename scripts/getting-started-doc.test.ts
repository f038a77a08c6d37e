// docs/getting-started.md against the tour of the demo: every command that the page shows is typed by the tour, and the other way round.
// What the commands do is checked where the tour is taken: by `npm run demo -- --check` and by the scenarios.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tour } from '../e2e/lab/demo-tour.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/getting-started.md'), 'utf8');
const shown = Array.from(page.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, block = '']) => block.split('\n'))
  .flat()
  .filter((line) => /^(kubectl|ambientctl) /.test(line));

test('the page and the tour have the same commands', () => {
  const typed = tour.flatMap(({ commands }) => commands);
  expect([...new Set(shown)].sort()).toEqual([...new Set(typed)].sort());
});
