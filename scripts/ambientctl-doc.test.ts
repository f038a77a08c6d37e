// Every ambientctl command that a page shows is one that there is, with options that it has.
// What the commands answer is tested where they are; the reference of all of them is generated.
import { expect, test } from 'vitest';
import { buildProgram } from '../packages/ambientctl/src/program.ts';
import { systemClock } from '../packages/runtime/src/time.ts';
import { blocksOf, docPages, inBackticks } from './testing/doc-pages.ts';

const shown = docPages().flatMap((page) => {
  const typed = blocksOf(page).flatMap(({ text }) => text.split('\n').filter((line) => line.startsWith('ambientctl ')));
  const named = [...inBackticks(page.text)].filter((text) => text.startsWith('ambientctl '));
  return [...typed, ...named].map((line) => [page.path, line.replace(/\s+[#|].*$/, '')] as const);
});

type Command = ReturnType<typeof buildProgram>;

/** Undefined: there is such a command. */
function wrongWith(program: Command, line: string): string | undefined {
  let at = program;
  const words = line.split(/\s+/).slice(1);
  const options = [...program.options];
  for (const word of words) {
    if (word.startsWith('-')) {
      const name = word.replace(/=.*$/, '');
      if (!options.some(({ short, long }) => name === short || name === long)) return `${at.name()} has no option ${name}`;
      continue;
    }
    const next = at.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined && at.commands.length > 0 && !/^[A-Z…<[]/.test(word)) return `${at.name()} has no command ${word}`;
    if (next === undefined) continue;
    at = next;
    options.push(...at.options);
  }
  return undefined;
}

test('pages show commands that there are', () => {
  const nothing = (): void => {};
  const signal = new AbortController().signal;
  const program = buildProgram({ print: nothing, complain: nothing, isTerminal: false, env: {}, clock: systemClock, signal }, '0');
  const wrong = shown.flatMap(([path, line]) => {
    const why = wrongWith(program, line);
    return why === undefined ? [] : [`${path}: ${line}: ${why}`];
  });
  expect(shown.length).toBeGreaterThan(15);
  expect(wrong).toEqual([]);
});
