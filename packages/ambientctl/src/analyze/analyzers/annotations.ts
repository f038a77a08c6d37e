// IST0107, IST0108, IST0125: labels and annotations of ambient mode in the wrong place, with the wrong name, or with a value that means nothing.
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import { annotationsOf, labelsOf, type Written } from '../world.ts';
import { ownDomains, words } from './words.ts';

export const annotations: Analyzer = {
  name: 'annotations.K8sAnalyzer',
  about: 'labels and annotations of ambient mode are where they are read, and can be read',
  codes: ['IST0107', 'IST0108', 'IST0125'],
  *run({ written }) {
    for (const each of written) {
      yield* ofPlace(each, 'label');
      yield* ofPlace(each, 'annotation');
    }
  },
};

function* ofPlace({ subject, raw }: Written, as: 'label' | 'annotation'): Iterable<Finding> {
  for (const [key, value] of Object.entries(as === 'label' ? labelsOf(raw) : annotationsOf(raw))) {
    const word = Object.hasOwn(words, key) ? words[key] : undefined;
    if (word === undefined) {
      if (ownDomains.some((domain) => key.startsWith(domain)) && !isOurs.test(key))
        yield finding('IST0108', subject, `Nothing reads ${as} ${key}.`);
    } else if (word.as !== as) yield finding('IST0107', subject, `${key} is written as ${article[as]}; it is ${article[word.as]}.`);
    else if (!word.on.includes(subject.kind))
      yield finding('IST0107', subject, `${key} is read on ${listed(word.on)}, not on a ${subject.kind}.`);
    else if (word.takes !== undefined && !word.takes[1].test(String(value)))
      yield finding('IST0125', subject, `${key} takes ${word.takes[0]}, and is "${String(value).slice(0, 60)}".`);
  }
}

/** Of objects that the mesh itself makes. */
const isOurs = /^ambient-mesh\.dev\/(?!require-)/;
const article = { label: 'a label', annotation: 'an annotation' } as const;
const listed = (kinds: readonly string[]): string =>
  kinds.length === 1 ? `a ${kinds[0]}` : `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}`;
