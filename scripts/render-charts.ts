// Renders the umbrella chart with its defaults into charts/rendered/ambient.yaml, for those who install without helm. Needs helm.
// `--check` writes nothing and exits with 1 when the file is not what the charts say. The definitions are not in it: they are files already.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Helm } from '../e2e/lab/helm.ts';

export const renderedPath = join(import.meta.dirname, '../charts/rendered/ambient.yaml');

const head = `# The mesh without its definitions (charts/base/files/crds), as the charts render it by default. Written by scripts/render-charts.ts.
apiVersion: v1
kind: Namespace
metadata:
  name: istio-system
  labels: { app.kubernetes.io/part-of: ambient-mesh }
`;

export async function renderDefaults(): Promise<string> {
  using helm = new Helm();
  const text = await helm.template('ambient', 'ambient', { base: { enableCRDTemplates: false } });
  const objects = text
    .replaceAll(/^# Source: .*\n/gm, '')
    .replaceAll('app.kubernetes.io/managed-by: Helm', 'app.kubernetes.io/managed-by: ambientctl')
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/\n{2,}/g, '\n');
  return `${head}${objects.trimEnd()}\n`;
}

if (import.meta.main) {
  const wanted = await renderDefaults();
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(renderedPath), { recursive: true });
    writeFileSync(renderedPath, wanted);
  } else if (readFileSync(renderedPath, 'utf8') !== wanted) {
    process.stderr.write('charts/rendered/ambient.yaml is not what the charts render: run node scripts/render-charts.ts\n');
    process.exitCode = 1;
  }
}
