// The mesh configuration as users write it (YAML, key `mesh` of the ConfigMap `istio`), trimmed to what the control plane reads.
// Read once by config.ts. Fields of other meshes and of proxies pass unread; a field that is read and wrong is a mistake.
import { isRecord, MeshFields } from '@ambient-mesh/translate/mesh-config/fields';
import { waypointDefaults } from '@ambient-mesh/translate/mesh-config/providers';
import type { MeshDefaults } from '@ambient-mesh/translate/settings';
import { parse } from 'yaml';

export interface DiscoverySelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

export interface MeshConfig {
  readonly trustDomain?: string;
  readonly rootNamespace?: string;
  /** Namespaces that the mesh looks at; empty: all. A namespace counts when any matches. */
  readonly discoverySelectors: readonly DiscoverySelector[];
  /** PEM of roots trusted beside our own. */
  readonly extraRootsPem: string;
  /** What waypoints are told of the mesh. */
  readonly waypoints: MeshDefaults;
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

export function readMeshConfig(text: string | undefined): { readonly ok: MeshConfig } | { readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  let raw: unknown;
  try {
    raw = text === undefined ? {} : (parse(text) ?? {});
  } catch (e) {
    return { mistakes: [`The mesh configuration is not YAML: ${e instanceof Error ? e.message.split('\n')[0] : String(e)}`] };
  }
  if (!isRecord(raw)) return { mistakes: ['The mesh configuration is not a mapping.'] };
  const mesh = new MeshFields(raw, mistakes);
  const [trustDomain, rootNamespace, waypoints] = [mesh.text('trustDomain'), mesh.text('rootNamespace'), waypointDefaults(mesh)];
  const discoverySelectors = each(raw.discoverySelectors).flatMap((one, index) => {
    const selector = selectorOf(one);
    if (selector === undefined) mistakes.push(`discoverySelectors[${index}] in the mesh configuration is not a label selector.`);
    return selector ?? [];
  });
  const extraRootsPem = each(raw.caCertificates)
    .map((one) => (isRecord(one) && typeof one.pem === 'string' ? `${one.pem.trim()}\n` : ''))
    .join('');
  if (mistakes.length > 0) return { mistakes };
  return {
    ok: {
      ...(trustDomain !== undefined && { trustDomain }),
      ...(rootNamespace !== undefined && { rootNamespace }),
      discoverySelectors,
      extraRootsPem,
      waypoints,
    },
  };
}

function selectorOf(one: unknown): DiscoverySelector | undefined {
  if (!isRecord(one)) return undefined;
  const { matchLabels = {}, matchExpressions = [] } = one;
  if (!isRecord(matchLabels) || !Array.isArray(matchExpressions)) return undefined;
  const labels = Object.entries(matchLabels).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  const expressions = matchExpressions.map(expressionOf);
  if (labels.length !== Object.keys(matchLabels).length) return undefined;
  const read = expressions.filter((e) => e !== undefined);
  return read.length === expressions.length ? { matchLabels: Object.fromEntries(labels), matchExpressions: read } : undefined;
}

function expressionOf(one: unknown): DiscoverySelector['matchExpressions'][number] | undefined {
  if (!isRecord(one) || typeof one.key !== 'string') return undefined;
  const operator = operators.find((each) => each === one.operator);
  const values = each(one.values).filter((value) => typeof value === 'string');
  return operator && { key: one.key, operator, values };
}

const each = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
