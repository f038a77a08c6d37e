// `install` and `upgrade`: what the user's helm is told, with a helm that only repeats it; what is printed where there is none; what is refused.
// The charts themselves, and a real helm, are tested in scripts/charts.test.ts and e2e/scenarios/.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Seen, temporaryFolder, typed } from '../testing/typed.ts';

let folder: ReturnType<typeof temporaryFolder>;
let helm: string;
beforeAll(() => {
  folder = temporaryFolder();
  helm = join(folder.path, 'helm');
  writeFileSync(
    helm,
    '#!/bin/sh\necho "$@"\n[ "$1" = version ] || cat "$3/Chart.yaml" "$3"/charts/*/Chart.yaml >/dev/null || exit 9\ncase "$*" in *fail*) echo "Error: it is not to be" >&2; exit 1;; esac\n',
  );
  chmodSync(helm, 0o755);
});
afterAll(() => folder[Symbol.dispose]());

const withHelm = (line: string): Promise<Seen> => typed(line, { env: { AMBIENT_HELM: helm, PATH: process.env.PATH ?? '' } });
const withoutHelm = (line: string): Promise<Seen> => typed(line, { env: { AMBIENT_HELM: '' } });

describe('with helm', () => {
  const rows: readonly (readonly [line: string, told: string])[] = [
    ['install', 'install ambient <charts>/ambient --namespace istio-system --create-namespace --wait --timeout 5m'],
    ['install -n mesh --no-wait', 'install ambient <charts>/ambient --namespace mesh --create-namespace'],
    ['install --wait=false', 'install ambient <charts>/ambient --namespace istio-system --create-namespace'],
    ['install --dry-run', 'template ambient <charts>/ambient --namespace istio-system --kube-version 1.29.0'],
    [
      'upgrade --set ztunnel.logLevel=debug --set a=b -f mine.yaml --timeout 9m --context prod --kubeconfig kc',
      'upgrade ambient <charts>/ambient --namespace istio-system --values mine.yaml --set ztunnel.logLevel=debug --set a=b --reset-then-reuse-values --wait --timeout 9m --kubeconfig kc --kube-context prod',
    ],
    ['upgrade --dry-run', 'upgrade ambient <charts>/ambient --namespace istio-system --reset-then-reuse-values --dry-run=server'],
  ];
  for (const [line, told] of rows) {
    test(line, async () => {
      const { code, out, err } = await withHelm(line);
      expect([code, err]).toEqual([0, '']);
      expect(out.replace(/ \S+\/ambient-charts-\w+/, ' <charts>')).toBe(`${told}\n`);
    });
  }
  test('when helm fails, it says why, and so does the exit code', async () => {
    const { code, err } = await withHelm('install --set fail=true');
    expect([code, err]).toEqual([1, 'Error: it is not to be\nambientctl: helm install failed\n']);
  });
});

describe('without helm', () => {
  for (const line of ['install', 'upgrade', 'install --dry-run']) {
    test(`${line} prints manifests to be applied, definitions first, and says so beside them`, async () => {
      const { code, out, err } = await withoutHelm(line);
      const kinds = parseAllDocuments(out).map((document) => document.toJS({ maxAliasCount: -1 }).kind as string);
      const definitions = kinds.lastIndexOf('CustomResourceDefinition') + 1;
      expect(definitions).toBeGreaterThan(10);
      expect(kinds.slice(definitions, definitions + 2)).toEqual(['Namespace', 'ServiceAccount']);
      expect(kinds.filter((kind) => kind === 'DaemonSet' || kind === 'Deployment')).toEqual(['DaemonSet', 'DaemonSet', 'Deployment']);
      expect(code).toBe(0);
      expect(err).toMatch(/^warning: helm is not installed: .* \| kubectl apply --server-side -f -\n$/);
    });
  }
  for (const flags of ['--set a=b', '-f values.yaml', '-n elsewhere']) {
    test(`install ${flags} is refused rather than ignored`, async () => {
      const { code, out, err } = await withoutHelm(`install ${flags}`);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^ambientctl: .* needs? helm, which is not installed\n$/);
    });
  }
});
