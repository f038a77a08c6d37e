// Labels as places in an index: whoever selects is filed under one pair of its selector, whoever is selected looks under all of its own. Pure.
// So a selector is tried only on those that have that pair, and a change of it reaches only those.
import type { Labels } from './kinds/meta.ts';
import { byText } from './text-order.ts';

/** Where a selector with no pair is filed. */
const anyLabels = '*';

/** `scope` keeps namespaces, and kinds of selectors, apart. */
export function placeOfSelector(scope: string, selector: Labels): string {
  let first: string | undefined;
  for (const key in selector) if (first === undefined || byText(key, first) < 0) first = key;
  return first === undefined ? `${scope}|${anyLabels}` : `${scope}|${first}=${selector[first]}`;
}

/** Every place where a selector that fits these labels can be filed. */
export function* placesOfLabels(scope: string, labels: Labels): Generator<string> {
  yield `${scope}|${anyLabels}`;
  for (const key in labels) yield `${scope}|${key}=${labels[key]}`;
}

/** Whoever can be selected. */
export interface Selected {
  readonly namespace: string;
  readonly labels: Labels;
}

/** The same for all that no selector can tell apart. */
export function selectionKey({ namespace, labels }: Selected): string {
  const keys = Object.keys(labels).sort();
  return JSON.stringify([namespace, keys, keys.map((key) => labels[key])]);
}

/** The reverse of `selectionKey`. */
export function selectedOf(key: string): Selected {
  const [namespace, keys, values] = JSON.parse(key) as [string, readonly string[], readonly string[]];
  return { namespace, labels: Object.fromEntries(keys.map((each, at) => [each, values[at] ?? ''])) };
}
