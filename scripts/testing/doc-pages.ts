// The pages of the documentation as the tests about them see them: files, fenced blocks, links and anchors.
// Used by the doc tests in scripts/. What is right on a page is for each of them to say.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface Page {
  /** As from the top of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  /** First word after the fence. */
  readonly language: string;
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

export const pathInHouse = (path: string): string => join(root, path);
export const readInHouse = (path: string): string => readFileSync(pathInHouse(path), 'utf8');

export function docPages(): readonly Page[] {
  const paths = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })];
  return paths.sort().map((path) => ({ path, text: readInHouse(path) }));
}

export function blocksOf({ text }: Page): readonly Block[] {
  return Array.from(text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm), (match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length + 1,
  }));
}

/** Without what stands in blocks and in backticks: there a bracket is no link. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');

/** Targets of links and pictures that do not leave the repository. */
export function localLinks({ text }: Page): readonly string[] {
  return Array.from(prose(text).matchAll(/\]\(([^()\s]+)\)/g), ([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/** What may follow `#` in a link to the page: its headings as GitHub names them. */
export function anchorsOf({ text }: Page): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = slugOf(heading);
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

const slugOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

export const inBackticks = (text: string): ReadonlySet<string> =>
  new Set(Array.from(text.matchAll(/`([^`\n]+)`/g), ([, name = '']) => name));

/** The sources of programs and libraries, without tests and without code that a tool wrote. */
export function sources(glob = 'packages/*/src/**/*.ts'): readonly Page[] {
  const paths = globSync(glob, {
    cwd: root,
    exclude: ['**/*.test.ts', '**/*.bench.ts', '**/*.compliance.ts', '**/testing/**', '**/generated/**'],
  });
  return paths.sort().map((path) => ({ path, text: readInHouse(path) }));
}
