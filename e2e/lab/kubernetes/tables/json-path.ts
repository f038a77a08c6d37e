// The small part of JSONPath that printer columns use: `.spec.a`, `['quoted']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`.
// A path that is not understood finds nothing.
import { isObject, type Json, own } from '../patch/json.ts';

type Step =
  | { readonly at: string }
  | { readonly index: number }
  | { readonly every: true }
  | { readonly where: string[]; readonly equals: string };

const stepPattern =
  /\.([A-Za-z0-9_-]+)|\.?\[['"]([^'"\]]+)['"]\]|\[(-?\d+)\]|\[\*\]|\[\?\(@((?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\)\]/y;

const parsed = new Map<string, readonly Step[] | undefined>();

/** Everything that the path leads to, in order. `path` begins with a dot. */
export function findAll(value: Json, path: string): readonly Json[] {
  if (!parsed.has(path)) parsed.set(path, parse(path));
  const steps = parsed.get(path);
  return steps === undefined ? [] : steps.reduce<readonly Json[]>((found, step) => found.flatMap((each) => follow(each, step)), [value]);
}

function parse(path: string): readonly Step[] | undefined {
  const text = path.replaceAll('\\.', '\u0000');
  const steps: Step[] = [];
  stepPattern.lastIndex = 0;
  while (stepPattern.lastIndex < text.length) {
    const match = stepPattern.exec(text);
    if (match === null) return parseEscaped(text);
    const [, name, quoted, index, where, ...values] = match;
    if (name !== undefined || quoted !== undefined) steps.push({ at: name ?? quoted ?? '' });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (where !== undefined) steps.push({ where: where.slice(1).split('.'), equals: values.find((each) => each !== undefined) ?? '' });
    else steps.push({ every: true });
  }
  return steps;
}

/** Names with escaped dots (`.metadata.labels.istio\.io/x`) are split at the plain ones. */
function parseEscaped(text: string): readonly Step[] | undefined {
  if (!text.includes('\u0000') || /[[\]]/.test(text)) return undefined;
  return text
    .slice(1)
    .split('.')
    .map((name) => ({ at: name.replaceAll('\u0000', '.') }));
}

function follow(value: Json, step: Step): readonly Json[] {
  if ('at' in step) {
    const found = isObject(value) ? own(value, step.at) : undefined;
    return found === undefined ? [] : [found];
  }
  if ('where' in step) {
    const items = Array.isArray(value) ? value : [];
    return items.filter((item) => {
      const [found] = step.where.reduce<readonly Json[]>((each, at) => each.flatMap((one) => follow(one, { at })), [item]);
      return found !== undefined && String(found) === step.equals;
    });
  }
  if (!Array.isArray(value)) return 'every' in step && isObject(value) ? Object.values(value) : [];
  return 'every' in step ? value : value.slice(step.index).slice(0, 1);
}
