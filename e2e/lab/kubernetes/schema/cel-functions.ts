// The functions that Kubernetes adds to CEL: lists, regular expressions, URLs, IP addresses, sets.
// Used by cel.ts. Left out: quantities, semantic versions, named formats, CIDR arithmetic.
import { isIP } from 'node:net';
import { type CelFunc, type CelInput, type CelList, CelScalar, type CelValue, celFunc, celMethod, listType, mapType } from '@bufbuild/cel';
import { isCidr, isUri } from './formats.ts';
import { goRegExp } from './go-regexp.ts';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);
/** A parsed URL or address; CEL sees a map where Kubernetes has an opaque type. */
const PARSED = mapType(STRING, DYN);

type Comparable = bigint | number | string;
const isComparable = (value: CelValue): value is Comparable => ['bigint', 'number', 'string'].includes(typeof value);

function comparables(list: CelList): Comparable[] {
  const values = [...list];
  if (!values.every(isComparable)) throw new Error('no such overload');
  return values;
}

function extreme(list: CelList, isBetter: (a: Comparable, b: Comparable) => boolean, name: string): Comparable {
  const [first, ...rest] = comparables(list);
  if (first === undefined) throw new Error(`${name} called on empty list`);
  return rest.reduce((best, value) => (isBetter(value, best) ? value : best), first);
}

const includes = (list: CelList, value: CelValue): boolean => indexIn(list, value) !== -1;
const indexIn = (list: CelList, value: CelValue): number => [...list].indexOf(value);

const lists: readonly CelFunc[] = [
  celMethod('isSorted', LIST, [], BOOL, function () {
    return comparables(this).every((value, i, all) => i === 0 || (all[i - 1] ?? value) <= value);
  }),
  celMethod('min', LIST, [], DYN, function () {
    return extreme(this, (a, b) => a < b, 'min');
  }),
  celMethod('max', LIST, [], DYN, function () {
    return extreme(this, (a, b) => a > b, 'max');
  }),
  celMethod('sum', LIST, [], DYN, function (): CelInput {
    const values = comparables(this);
    const ints = values.filter((value) => typeof value === 'bigint');
    return ints.length === values.length
      ? ints.reduce((sum, value) => sum + value, 0n)
      : values.reduce<number>((sum, value) => sum + Number(value), 0);
  }),
  celMethod('indexOf', LIST, [DYN], INT, function (value) {
    return BigInt(indexIn(this, value));
  }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (value) {
    return BigInt([...this].lastIndexOf(value));
  }),
];

const sets: readonly CelFunc[] = [
  celFunc('sets.contains', [LIST, LIST], BOOL, (all, some) => [...some].every((value) => includes(all, value))),
  celFunc(
    'sets.equivalent',
    [LIST, LIST],
    BOOL,
    (a, b) => [...a].every((value) => includes(b, value)) && [...b].every((value) => includes(a, value)),
  ),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => [...a].some((value) => includes(b, value))),
];

const expressions: readonly CelFunc[] = [
  celMethod('find', STRING, [STRING], STRING, function (pattern) {
    return goRegExp(pattern).exec(this)?.[0] ?? '';
  }),
  celMethod('findAll', STRING, [STRING], LIST, function (pattern) {
    const { source, flags } = goRegExp(pattern);
    return this.match(new RegExp(source, `g${flags}`)) ?? [];
  }),
];

const part = (name: string, field: string): CelFunc =>
  celMethod(name, PARSED, [], STRING, function () {
    return String(this.get(field) ?? '');
  });

function parsedUrl(text: string): Map<string, CelInput> {
  if (!isUri(text)) throw new Error('URL parse error during conversion from string');
  const absolute = text.startsWith('/') ? undefined : new URL(text);
  const { hostname, port, pathname } = absolute ?? new URL(text, 'http://local');
  return new Map([
    ['scheme', absolute?.protocol.slice(0, -1) ?? ''],
    ['host', absolute === undefined ? '' : absolute.host],
    ['hostname', absolute === undefined ? '' : hostname],
    ['port', absolute === undefined ? '' : port],
    ['path', pathname],
  ]);
}

function parsedIp(text: string): Map<string, CelInput> {
  const family = isIP(text);
  if (family === 0) throw new Error(`IP Address "${text}" parse error during conversion from string`);
  return new Map<string, CelInput>([['family', BigInt(family)]]);
}

const addresses: readonly CelFunc[] = [
  celFunc('isURL', [STRING], BOOL, isUri),
  celFunc('url', [STRING], PARSED, parsedUrl),
  part('getScheme', 'scheme'),
  part('getHost', 'host'),
  part('getHostname', 'hostname'),
  part('getPort', 'port'),
  part('getEscapedPath', 'path'),
  celFunc('isIP', [STRING], BOOL, (text) => isIP(text) !== 0),
  celFunc('ip', [STRING], PARSED, parsedIp),
  celMethod('family', PARSED, [], INT, function () {
    const family = this.get('family');
    return typeof family === 'bigint' ? family : 0n;
  }),
  celFunc('isCIDR', [STRING], BOOL, isCidr),
];

export const extensions: CelFunc[] = [...lists, ...sets, ...expressions, ...addresses];
