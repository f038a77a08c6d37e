// WasmPlugin as the mesh sees it: a filter of the user's own, and where among a waypoint's filters it stands.
import { type WaypointPolicy, waypointPolicyOf } from './policy-target.ts';
import { isRaw, items, metaOf, type Raw, raw, text, whole } from './read.ts';

export interface WrittenEnv {
  readonly name: string;
  readonly value: string;
  /** `INLINE` when it says nothing. */
  readonly valueFrom: string;
}

export interface WasmPlugin extends WaypointPolicy {
  readonly url: string;
  readonly sha256: string;
  readonly config: Raw;
  readonly pluginName: string;
  readonly phase: string;
  readonly priority: number;
  readonly failStrategy: string;
  readonly type: string;
  readonly env: readonly WrittenEnv[];
  readonly match: readonly { readonly mode: string; readonly ports: readonly number[] }[];
}

export const wasmPluginKind = {
  group: 'extensions.istio.io',
  version: 'v1alpha1',
  plural: 'wasmplugins',
  kind: 'WasmPlugin',
  namespaced: true,
  narrow(object: unknown): WasmPlugin | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(object).status];
    return {
      ...waypointPolicyOf(meta, spec, status),
      url: text(spec.url),
      sha256: text(spec.sha256),
      config: raw(spec.pluginConfig),
      pluginName: text(spec.pluginName),
      phase: text(spec.phase),
      priority: whole(spec.priority),
      failStrategy: text(spec.failStrategy),
      type: text(spec.type),
      env: items(raw(spec.vmConfig).env)
        .filter(isRaw)
        .map(({ name, value, valueFrom }) => ({ name: text(name), value: text(value), valueFrom: text(valueFrom) || 'INLINE' })),
      match: items(spec.match).map((each) => ({
        mode: text(raw(each).mode),
        ports: items(raw(each).ports).map((port) => whole(raw(port).number)),
      })),
    };
  },
} as const;
