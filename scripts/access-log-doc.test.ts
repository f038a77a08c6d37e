// docs/reference/access-log.md against what writes access logs: the fields of node tunnels, the operators and usual fields of waypoints; both ways.
import { expect, test } from 'vitest';
import { inBackticks, readInHouse } from './testing/doc-pages.ts';

const page = readInHouse('docs/reference/access-log.md');
const tunnels = inBackticks(page.slice(page.indexOf('## Node tunnels'), page.indexOf('## Waypoints')));
const waypoints = page.slice(page.indexOf('## Waypoints'));

test('fields of node tunnels', () => {
  const source = readInHouse('packages/ztunnel/src/telemetry/access-log.ts');
  const plain = Array.from(source.matchAll(/\['([a-z._]+)', /g), ([, field = '']) => field);
  const ofBoth = Array.from(source.matchAll(/\[`\$\{side\}(\.[a-z]+)`/g), ([, field = '']) => field);
  const written = new Set([...plain, ...ofBoth.flatMap((field) => [`src${field}`, `dst${field}`])]);
  expect(written.size).toBeGreaterThan(15);
  const documented = [...tunnels].filter((each) =>
    /^(?:(?:src|dst)\.[a-z_]+|direction|security|bytes_\w+|duration|policy|error)$/.test(each),
  );
  expect(documented.sort()).toEqual([...written].sort());
});

test('messages of node tunnels', () => {
  const source = readInHouse('packages/ztunnel/src/telemetry/access-log.ts');
  const messages = Array.from(source.matchAll(/'(connection [a-z]+)'/g), ([, message = '']) => message);
  expect(messages.filter((message) => !tunnels.has(message))).toEqual([]);
});

const format = readInHouse('packages/waypoint/src/telemetry/access-format.ts');

test('usual fields of waypoints', () => {
  const usual = format.slice(format.indexOf('const usualJson'), format.indexOf('};'));
  const fields = Array.from(usual.matchAll(/^ {2}(\w+): '%/gm), ([, field = '']) => field);
  expect(fields.length).toBeGreaterThan(20);
  expect(fields.filter((field) => !inBackticks(waypoints).has(field))).toEqual([]);
});

test('operators of waypoints', () => {
  const table = format.slice(format.indexOf('const operators'));
  const operators = Array.from(table.matchAll(/^ {2}([A-Z][A-Z_]+): /gm), ([, name = '']) => name);
  expect(operators.length).toBeGreaterThan(20);
  const explained = (name: string): boolean => new RegExp(`%${name}[%(]`).test(waypoints);
  expect(operators.filter((name) => !explained(name))).toEqual([]);
});
