// How a tunnel or a waypoint introduces itself on an xDS stream: the node's id and metadata. Pure.
// Built once from the configuration; subscription.ts sends it in the first request of each type.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export interface NodeSettings {
  /** Empty: 1.1.1.1, which the control plane takes for "unknown". */
  readonly instanceIp: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly nodeName: string;
  /** Default `ztunnel`. */
  readonly type?: 'ztunnel' | 'waypoint';
  /** Proxy metadata, `ISTIO_META_` prefixes stripped. */
  readonly metadata: Readonly<Record<string, string>>;
  /** ISTIO_METAJSON_ variables, prefix stripped: JSON text. */
  readonly jsonMetadata: Readonly<Record<string, string>>;
}

export interface XdsNode {
  readonly id: string;
  readonly metadata: JsonObject;
}

/** `unreadable` lists the JSON entries that were left out because they do not parse. The cluster domain in the id is fixed by the protocol. */
export function describeNode(s: NodeSettings): { readonly node: XdsNode; readonly unreadable: readonly string[] } {
  const ip = s.instanceIp || '1.1.1.1';
  const unreadable: string[] = [];
  const metadata: Record<string, JsonValue> = {
    NAME: s.podName,
    NAMESPACE: s.podNamespace,
    INSTANCE_IPS: ip,
    NODE_NAME: s.nodeName,
    ...s.metadata,
  };
  for (const [name, text] of Object.entries(s.jsonMetadata)) {
    const value = parseJson(text);
    if (value === undefined) unreadable.push(name);
    else metadata[name] = value;
  }
  return {
    node: { id: `${s.type ?? 'ztunnel'}~${ip}~${s.podName}.${s.podNamespace}~${s.podNamespace}.svc.cluster.local`, metadata },
    unreadable,
  };
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
