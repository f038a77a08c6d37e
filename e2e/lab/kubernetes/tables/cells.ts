// Small texts that several printers share: selectors, container names, lists that are cut short.
// Used by printers.ts and network-printers.ts.
import { listAt, mapAt, textAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import type { Column } from './printer.ts';

/** `Name`, `Wide:Node`, `Desired#`: a colon after Wide shows it only with `-o wide`, a hash makes it a number. */
export function columns(...names: readonly string[]): readonly Column[] {
  return names.map((text) => {
    const name = text.replace(/^Wide:/, '').replace(/#$/, '');
    return { name, type: text.endsWith('#') ? 'integer' : 'string', priority: text.startsWith('Wide:') ? 1 : 0 };
  });
}

export const nameOf = ({ metadata }: Readonly<KubeObject>): string => metadata.name ?? '';

export const orNone = (text: string): string => (text === '' ? '<none>' : text);

/** `a=1,b=2`, or `<none>`. */
export function labelsText(labels: Json | undefined): string {
  const pairs = Object.entries(mapAt(labels)).map(([key, value]) => `${key}=${String(value)}`);
  return orNone(pairs.sort().join(','));
}

/** A selector with matchLabels and matchExpressions, as kubectl would take it. */
export function selectorText(selector: Json | undefined): string {
  const labels = Object.entries(mapAt(selector, 'matchLabels')).map(([key, value]) => `${key}=${String(value)}`);
  const expressions = listAt(selector, 'matchExpressions').map((each) => {
    const { key = '', operator = '' } = mapAt(each);
    const values = listAt(each, 'values').map(String).join(',');
    switch (operator) {
      case 'In':
        return `${String(key)} in (${values})`;
      case 'NotIn':
        return `${String(key)} notin (${values})`;
      case 'DoesNotExist':
        return `!${String(key)}`;
      default:
        return String(key);
    }
  });
  return orNone([...labels.sort(), ...expressions].join(','));
}

/** Names and images of a pod template's containers, each joined by commas. */
export function containerCells(template: Json | undefined): readonly [names: string, images: string] {
  const containers = listAt(template, 'spec', 'containers');
  const joined = (field: string): string => containers.map((each) => textAt(each, field) ?? '').join(',');
  return [joined('name'), joined('image')];
}

/** The first `max`, and how many more there are. */
export function cut(texts: readonly string[], max: number, between = ','): string {
  const shown = texts.slice(0, max).join(between);
  return texts.length > max ? `${shown} + ${texts.length - max} more...` : shown;
}
