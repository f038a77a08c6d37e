// PeerAuthentication as the mesh sees it.
import type { Labels, Meta } from './meta.ts';
import { labels, metaOf, raw } from './read.ts';

export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthentication {
  readonly meta: Meta;
  /** Absent when the object has none or an empty one. */
  readonly selector?: Labels;
  readonly mode: MtlsMode;
  /** By the workload's own port. */
  readonly ports: ReadonlyMap<number, MtlsMode>;
}

export const peerAuthenticationKind = {
  group: 'security.istio.io',
  version: 'v1',
  plural: 'peerauthentications',
  kind: 'PeerAuthentication',
  namespaced: true,
  narrow(object: unknown): PeerAuthentication | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    const selector = labels(raw(spec.selector).matchLabels);
    const ports = Object.entries(raw(spec.portLevelMtls))
      .filter(([port]) => /^\d{1,5}$/.test(port) && Number(port) <= 65_535)
      .map(([port, mtls]) => [Number(port), modeOf(mtls)] as const);
    return {
      meta,
      ...(Object.keys(selector).length > 0 && { selector }),
      mode: modeOf(spec.mtls),
      ports: new Map(ports.sort(([a], [b]) => a - b)),
    };
  },
} as const;

const modes = ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'] as const;

/** A mode that is not known counts as the strictest: a misspelt lock must not stand open. */
function modeOf(mtls: unknown): MtlsMode {
  const { mode } = raw(mtls);
  if (mode === undefined || mode === null) return 'UNSET';
  return modes.find((each) => each === mode) ?? 'STRICT';
}
