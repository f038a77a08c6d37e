// A pod as the mesh sees it.
import type { Meta } from './meta.ts';
import { flag, isRaw, items, metaOf, raw, text, texts, whole } from './read.ts';

export interface Pod {
  readonly meta: Meta;
  /** Empty until it is scheduled. */
  readonly node: string;
  readonly serviceAccount: string;
  /** As the status lists them, unchecked. */
  readonly ips: readonly string[];
  readonly phase: string;
  /** The condition Ready is True. */
  readonly ready: boolean;
  /** It has a deletion timestamp. */
  readonly deleting: boolean;
  readonly hostNetwork: boolean;
  /** Named by a controller (`generateName` is set). */
  readonly generated: boolean;
  /** The owner that controls it. */
  readonly controller?: { readonly kind: string; readonly name: string };
  /** Named TCP ports of containers, and of init containers that keep running; the first of a name counts. */
  readonly namedPorts: Readonly<Record<string, number>>;
}

const noPorts: Pod['namedPorts'] = Object.freeze({});

export const podKind = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  narrow(object: unknown): Pod | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const { metadata, spec: rawSpec, status: rawStatus } = raw(object);
    const [spec, status, more] = [raw(rawSpec), raw(rawStatus), raw(metadata)];
    const controller = items(more.ownerReferences)
      .map(raw)
      .find((owner) => flag(owner.controller));
    return {
      meta,
      node: text(spec.nodeName),
      serviceAccount: text(spec.serviceAccountName),
      ips: ipsOf(status.podIPs, status.podIP),
      phase: text(status.phase),
      ready: items(status.conditions).some((each) => isRaw(each) && each.type === 'Ready' && each.status === 'True'),
      deleting: text(more.deletionTimestamp) !== '',
      hostNetwork: flag(spec.hostNetwork),
      generated: text(more.generateName) !== '',
      ...(controller && { controller: { kind: text(controller.kind), name: text(controller.name) } }),
      namedPorts: namedPorts(spec),
    };
  },
} as const;

function ipsOf(podIps: unknown, podIp: unknown): readonly string[] {
  const all = items(podIps).map((each) => text(raw(each).ip));
  return all.length > 0 ? all : texts([podIp]).filter((ip) => ip !== '');
}

function namedPorts(spec: Readonly<Record<string, unknown>>): Pod['namedPorts'] {
  const staying = items(spec.initContainers).filter((each) => raw(each).restartPolicy === 'Always');
  let found: Map<string, number> | undefined;
  for (const container of [...items(spec.containers), ...staying]) {
    for (const each of items(raw(container).ports)) {
      const { name, containerPort, protocol } = raw(each);
      if (text(name) === '' || (protocol !== undefined && protocol !== 'TCP')) continue;
      found ??= new Map();
      if (!found.has(text(name))) found.set(text(name), whole(containerPort));
    }
  }
  return found === undefined ? noPorts : Object.fromEntries(found);
}
