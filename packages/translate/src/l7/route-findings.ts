// What is wrong with a route, as its translation finds it: references that lead nowhere, and rules that cannot be carried out.
// Collected by the translators beside it, put into words of the status by route-status.ts. Types, and small ways to deal with them.

/** `reason` is a word of the Gateway API; `message` is for people. */
export interface Finding {
  readonly reason: string;
  readonly message: string;
}

/** Instead of a rule, or a part of one: the rule is left out. */
export interface Refusal {
  readonly refused: Finding;
}

export const unsupported = (message: string): Refusal => ({ refused: { reason: 'UnsupportedValue', message } });
export const incompatible = (message: string): Refusal => ({ refused: { reason: 'IncompatibleFilters', message } });

export const isRefusal = (value: object): value is Refusal => 'refused' in value;

/** All of them, or why one of them is refused. */
export function allOf<T extends object>(values: readonly (T | Refusal)[]): readonly T[] | Refusal {
  const fine = keptOf(values);
  return fine.length === values.length ? fine : (values.find(isRefusal) ?? fine);
}

/** Those that are not refused. */
export const keptOf = <T extends object>(values: readonly (T | Refusal)[]): readonly T[] =>
  values.flatMap((value) => (isRefusal(value) ? [] : [value]));

/** What could be read of a route's rules, and what could not. */
export interface RuleFindings {
  /** References that lead nowhere, and filters nobody knows: their requests are refused, the rest of the route works. */
  readonly references: readonly Finding[];
  /** Of rules that were left out. */
  readonly refused: readonly Finding[];
  /** Rules that work. */
  readonly kept: number;
}
