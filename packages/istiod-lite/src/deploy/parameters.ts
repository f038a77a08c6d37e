// ConfigMaps that say how waypoints are deployed: the five overlays that one may hold, read as YAML (facts: control-plane §5.4). Pure.
// Used by plan.ts; the ConfigMaps are watched by waypoints.ts. A text that is not YAML is told to the user at the Gateway.
import type { Kind } from '@ambient-mesh/kube/kind';
import { isObject, objectOf, textOf } from '@ambient-mesh/kube/raw';
import { parse } from 'yaml';

/** Keys of the data, which are also what is deployed. In the order in which it is applied. */
export const parts = ['serviceAccount', 'deployment', 'service', 'horizontalPodAutoscaler', 'podDisruptionBudget'] as const;
export type Part = (typeof parts)[number];

/** A ConfigMap, of which only what may be an overlay is kept. */
export interface Parameters {
  readonly namespace: string;
  readonly name: string;
  /** The class whose waypoints get this by default; empty: none. */
  readonly defaultsFor: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly texts: Readonly<Partial<Record<Part, string>>>;
}

/** Shared by all ConfigMaps that are about something else. */
const noTexts: Parameters['texts'] = Object.freeze({});

export const parametersKind: Kind<Parameters> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
  narrow: (raw) => {
    const { metadata, data } = objectOf(raw);
    const { namespace, name, labels, creationTimestamp } = objectOf(metadata);
    const held = objectOf(data);
    const texts = parts.flatMap((part) => (typeof held[part] === 'string' ? [[part, textOf(held[part])]] : []));
    return {
      namespace: textOf(namespace),
      name: textOf(name),
      defaultsFor: textOf(objectOf(labels)['gateway.istio.io/defaults-for-class']),
      createdAt: textOf(creationTimestamp),
      texts: texts.length === 0 ? noTexts : Object.fromEntries(texts),
    };
  },
};

/** Patches in the order in which they are laid over each other. */
export type Overlays = Readonly<Record<Part, readonly unknown[]>>;

/** Later ones win. An empty text lays nothing over anything. */
export function overlaysOf(all: readonly Parameters[]): { readonly ok: Overlays } | { readonly mistake: string } {
  const overlays: Record<Part, unknown[]> = {
    serviceAccount: [],
    deployment: [],
    service: [],
    horizontalPodAutoscaler: [],
    podDisruptionBudget: [],
  };
  for (const { namespace, name, texts } of all) {
    for (const part of parts) {
      const text = texts[part];
      if (text === undefined) continue;
      const read = readPatch(text);
      if ('mistake' in read) return { mistake: `${part} of ConfigMap ${namespace}/${name} ${read.mistake}` };
      if (read.ok !== undefined) overlays[part].push(read.ok);
    }
  }
  return { ok: overlays };
}

function readPatch(text: string): { readonly ok: unknown } | { readonly mistake: string } {
  try {
    const value: unknown = parse(text, { logLevel: 'error' }) ?? undefined;
    return value === undefined || isObject(value) ? { ok: value } : { mistake: 'is not a mapping' };
  } catch (e) {
    return { mistake: `is not YAML: ${e instanceof Error ? e.message.split('\n')[0] : String(e)}` };
  }
}
