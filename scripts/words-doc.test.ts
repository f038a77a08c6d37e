// Every word by which the programs say that something is wrong stands on the page that people search: flags, denials, reasons, Events, details.
// The words are read from the sources' own tables, so that a new one cannot stay unexplained.
import { describe, expect, test } from 'vitest';
import { readInHouse, sources } from './testing/doc-pages.ts';

const page = readInHouse('docs/troubleshooting.md');
/** By the place where they are kept: words that the page lacks. */
const missing = (words: Iterable<string>): readonly string[] =>
  [...new Set(words)].filter((word) => !page.includes(`\`${word}`) && !page.includes(`${word}\``));

const literals = (text: string, pattern = /'([^'\n]+)'/g): readonly string[] => Array.from(text.matchAll(pattern), ([, word = '']) => word);

/** From `begin` to the first `end` after it. @throws when the source has no such place any more */
function part(path: string, begin: string, end: string): string {
  const text = readInHouse(path);
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${path} has no ${begin} … ${end}: this test looks for it`);
  return text.slice(from, to);
}

const tables: readonly (readonly [what: string, path: string, begin: string, end: string])[] = [
  ['response flags of node tunnels', 'packages/ztunnel/src/telemetry/flags.ts', 'const responseFlags', ']'],
  ['response flags of waypoints', 'packages/waypoint/src/dispatch/flags.ts', 'export type ResponseFlag', ';'],
  ['what tunnels say of policies', 'packages/model/src/authorize.ts', 'export interface PolicyNote', ';'],
  ['why a connection has no way', 'packages/model/src/next-hop.ts', 'export type RefusalReason', ';'],
  ['why a pod is not enrolled', 'packages/cni-agent/src/apply/node.ts', 'export type Obstacle', ';'],
  ['flaws of tokens', 'packages/waypoint/src/filters/jwt.ts', 'const texts', '} as const'],
  ['why a waypoint is not bound', 'packages/translate/src/waypoint.ts', 'export type BindingReason', ';'],
];
/** Texts with an apostrophe are in double quotes. */
const words = (text: string): readonly string[] => [...literals(text.replace(/"[^"\n]+"/g, '')), ...literals(text, /"([^"\n]+)"/g)];

test.each(tables)('%s', (_, path, begin, end) => {
  const found = words(part(path, begin, end));
  expect(found.length).toBeGreaterThan(2);
  expect(missing(found)).toEqual([]);
});

test('what a request ended with, where a flag says it', () => {
  const details = part('packages/waypoint/src/telemetry/entry.ts', 'const byFlag', ']);');
  const found = literals(details, /\['[A-Z]+', '([^']+)'\]/g);
  expect(found.length).toBeGreaterThan(5);
  expect(missing(found.map((each) => each.replace(/^.*\{/, '{')))).toEqual([]);
});

test('what parts of the programs wait for before they are ready', () => {
  const found = sources().flatMap(({ text }) => literals(text, /readiness\.expect\('([^'\n]+?)(?:: [^'\n]*)?'\)/g));
  expect(found).toContain('state manager');
  expect(missing(found.map((each) => (each === 'the end' ? 'the end: this' : each)))).toEqual([]);
});

describe('reasons of conditions and Events', () => {
  /** Kinds, fields' values and the like: words of the same shape that are no reasons. */
  const others = new Set([
    ...['AuthorizationPolicy', 'ConfigMap', 'NetworkPolicy', 'ServiceEntry', 'WorkloadEntry', 'VirtualService', 'WorkloadSelector'],
    ...['ExtensionRef', 'ExternalAuth', 'RequestHeaderModifier', 'RequestMirror', 'RequestRedirect', 'ResponseHeaderModifier'],
    ...['ReplaceFullPath', 'ReplacePrefixMatch', 'PathPrefix', 'RegularExpression', 'ExternalName', 'GatewayClass', 'NotFound'],
    ...['NotIn', 'DoesNotExist'],
  ]);
  const camel = /'((?:istio\.io\/|ambient-mesh\.dev\/)?[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+)'/g;
  const files = sources('packages/{translate,istiod-lite,cni-agent}/src/**/*.ts').filter(
    ({ path, text }) => /\breason\b/.test(text) && !path.includes('/explain/'),
  );
  test.each(files.map(({ path, text }) => [path, text] as const))('%s', (_, text) => {
    expect(missing(literals(text, camel).filter((word) => !others.has(word)))).toEqual([]);
  });
  test('an Event for each reason that a policy is not enforced', () => {
    const found = literals(part('packages/translate/src/authorization-policy.ts', 'export interface Unenforced', ';'));
    expect(missing(found.map((reason) => `Unenforced${reason}`))).toEqual([]);
  });
});
