// Dashboards and alerts against what the programs really tell, and against their pages: every metric is documented, every alert has a section.
// With promtool installed, the rules' own tests run too. That the expressions find something is e2e/scenarios/prometheus.test.ts.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricsPage } from '@ambient-mesh/runtime/testing';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const alerts = 'charts/istiod-lite/files/alerts';
const dashboards = 'charts/istiod-lite/files/dashboards';

const documented = new Set(
  globSync('docs/metrics*.md', { cwd: root }).flatMap((page) =>
    Object.entries(metricsPage(join(root, page))).flatMap(([name, { type }]) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
    ),
  ),
);

/** Names that stand where only a metric can: not in matchers, strings or lists of labels, and not called. */
function metricsIn(expression: string): readonly string[] {
  const bare = expression
    .replaceAll(/#.*$/gm, '')
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const words = bare.matchAll(/\b([a-z_][a-z0-9_]{3,})\b(?!\s*\()/g);
  return Array.from(words, ([, name = '']) => name).filter((name) => !['unless', 'offset', 'group_left', 'without'].includes(name));
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

describe('alerts', () => {
  const { groups } = parse(read(`${alerts}/ambient-mesh.yaml`)) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const page = read('docs/alerts.md');

  test('each has a section that says how bad it is, in the order of the rules', () => {
    const sections = Array.from(page.matchAll(/^## (\w+)\n\*\*(\w+)\.\*\*/gm), ([, name, severity]) => [name, severity]);
    expect(sections).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for metrics that there are, and has a test', (name, { expr }) => {
    expect(metricsIn(expr).filter((metric) => metric !== 'up' && !documented.has(metric))).toEqual([]);
    expect(read(`${alerts}/tests/ambient-mesh.yaml`)).toContain(`alertname: ${name}`);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  test.skipIf(!hasPromtool)(
    'promtool finds them right, and their tests hold',
    () => {
      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'ambient-mesh.yaml'], {
        cwd: join(root, alerts, 'tests'),
        encoding: 'utf8',
      });
      expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
    },
    60_000,
  );
});

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly datasource?: { readonly uid: string };
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

describe('dashboards', () => {
  const all = globSync('*.json', { cwd: join(root, dashboards) })
    .sort()
    .map((file) => [file, JSON.parse(read(`${dashboards}/${file}`)) as Dashboard] as const);

  test('there are four, and the page names each', () => {
    expect(all.map(([file]) => file)).toEqual(['control-plane.json', 'mesh.json', 'waypoint.json', 'ztunnel.json']);
    for (const [file] of all) expect(read('docs/observability.md')).toContain(`\`${file}\``);
    expect(new Set(all.map(([, { uid }]) => uid)).size).toBe(all.length);
  });

  test.each(all)('%s can be imported anywhere', (_, { schemaVersion, templating, panels }) => {
    expect(schemaVersion).toBeGreaterThanOrEqual(36);
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const { type, datasource } of panels) if (type !== 'row') expect(datasource?.uid).toMatch(/^\$\{datasource\}$/);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test.each(all)('%s has its panels side by side', (_, { panels }) => {
    const taken = new Set<string>();
    for (const { gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x < 24 && !taken.has(`${x} ${y}`), `${x} ${y}`).toBe(true);
          taken.add(`${x} ${y}`);
        }
  });

  test.each(all)('%s asks for metrics that there are', (_, { panels, templating }) => {
    const asked = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...templating.list.map(({ query }) => valuesOf(query)),
    ];
    expect(asked.flatMap(metricsIn).filter((metric) => !documented.has(metric))).toEqual([]);
  });
});

/** Of `label_values(metric{…}, label)` the metric. */
function valuesOf(query: unknown): string {
  if (typeof query !== 'object' || query === null || !('query' in query)) return '';
  return /^label_values\((.*), \w+\)$/.exec(String(query.query))?.[1] ?? String(query.query);
}

test('the page shows the scrape configuration that the scenario runs', () => {
  expect(read('docs/observability.md')).toContain(`\`\`\`yaml\n${read('e2e/lab/demo/prometheus.yml')}\`\`\``);
});
