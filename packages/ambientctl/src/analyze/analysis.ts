// One analysis: runs analyzers over a world, leaves out what was asked to be left out, and puts the rest in order: the worst first. Pure.
import type { Analyzer } from './analyzer.ts';
import type { Code, Level } from './codes.ts';
import { levels } from './codes.ts';
import { type Finding, isAtLeast, type Subject, subjectText } from './finding.ts';
import type { World } from './world.ts';

export interface AnalysisOptions {
  readonly analyzers: readonly Analyzer[];
  /** Only findings of these namespaces, and of what lives outside of all; undefined: all. */
  readonly namespaces: ReadonlySet<string> | undefined;
  readonly suppressed: readonly Suppression[];
  readonly outputThreshold: Level;
}

/** `*` stands for anything, also within a name. */
export interface Suppression {
  readonly code: Code;
  readonly kind: string;
  /** `namespace/name`, or `name`. */
  readonly name: string;
}

export function analyse(world: World, { analyzers, namespaces, suppressed, outputThreshold }: AnalysisOptions): readonly Finding[] {
  const found = analyzers.flatMap((analyzer) => Array.from(analyzer.run(world), (each) => atMaker(each, world)));
  return found
    .filter(({ subject }) => namespaces === undefined || isWithin(subject, namespaces))
    .filter((each) => isAtLeast(each.level, outputThreshold) && !suppressed.some((one) => isSuppressed(one, each)))
    .toSorted((a, b) => levels.indexOf(b.level) - levels.indexOf(a.level) || byText(orderOf(a), orderOf(b)));
}

/** A pod that is only assumed is spoken of as what would make it. */
function atMaker(finding: Finding, { makers }: World): Finding {
  const { kind, namespace, name } = finding.subject;
  const maker = kind === 'Pod' ? makers.get(`${namespace}/${name}`) : undefined;
  return maker === undefined ? finding : { ...finding, subject: { kind: maker, namespace, name } };
}

/** Namespaces count as being in themselves. */
const isWithin = ({ kind, namespace, name }: Subject, wanted: ReadonlySet<string>): boolean =>
  kind === 'Namespace' ? wanted.has(name) : namespace === '' || wanted.has(namespace);

const orderOf = ({ code, subject, message }: Finding): string => `${code} ${subjectText(subject)} ${message}`;
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isSuppressed = ({ code, kind, name }: Suppression, { code: found, subject }: Finding): boolean =>
  code === found &&
  isLike(kind, subject.kind) &&
  isLike(name, subject.namespace === '' ? subject.name : `${subject.namespace}/${subject.name}`);

/** Word by word, so that no pattern costs more than its length. */
function isLike(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
