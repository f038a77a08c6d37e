// The charts that come with this program: laid out for helm, and as the manifests that they render by default, for those without helm.
// Used by the commands install and upgrade. The manifests are written by scripts/render-charts.ts.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../../charts', import.meta.url));
const parts = ['base', 'istiod-lite', 'cni-agent', 'ztunnel'] as const;

export interface Charts extends Disposable {
  /** The umbrella's folder, its parts within it as helm wants them. */
  readonly umbrella: string;
}

/** A copy, so that where this program is installed nothing is written. */
export function layOutCharts(): Charts {
  const copy = mkdtempSync(join(tmpdir(), 'ambient-charts-'));
  const umbrella = join(copy, 'ambient');
  // Parts that somebody has put there by `helm dependency update` may be old.
  cpSync(join(folder, 'ambient'), umbrella, { recursive: true, filter: (path) => path !== join(folder, 'ambient', 'charts') });
  for (const part of parts) cpSync(join(folder, part), join(umbrella, 'charts', part), { recursive: true });
  return { umbrella, [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) };
}

/** The namespace that they are rendered for. */
export const renderedFor = 'istio-system';

/** All objects in the order to apply them, definitions first. */
export function defaultManifests(): string {
  const definitions = join(folder, 'base', 'files', 'crds');
  const files = readdirSync(definitions).sort();
  return [...files.map((name) => join(definitions, name)), join(folder, 'rendered', 'ambient.yaml')]
    .map((path) => readFileSync(path, 'utf8').trimEnd())
    .join('\n---\n')
    .concat('\n');
}
