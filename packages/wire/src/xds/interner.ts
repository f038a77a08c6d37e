// Shares equal values among the resources of the mesh: a hundred thousand workloads name few namespaces, nodes and identities.
// Used by the converters while they copy messages into the model; the model itself does not know of it.
// Forgets everything when it is full: the values stay valid, later ones merely are not shared with earlier ones.
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import type { PortMap } from '@ambient-mesh/model/workload';

/** Values of one kind held before the table starts anew: bounds what a churning mesh can leave behind. */
const capacity = 65_536;

const noPorts: PortMap = new Map();

interface PortPair {
  readonly servicePort: number;
  readonly targetPort: number;
}

export class Interner {
  readonly #texts = new Map<string, string>();
  readonly #identities = new Map<string, SpiffeId>();
  readonly #ports = new Map<string, PortMap>();

  text(value: string): string {
    return value === '' ? '' : remember(this.#texts, value, () => value);
  }

  identity(trustDomain: string, namespace: string, serviceAccount: string): SpiffeId {
    const key = `${trustDomain}/${namespace}/${serviceAccount}`;
    return remember(this.#identities, key, () => spiffeId(this.text(trustDomain), this.text(namespace), this.text(serviceAccount)));
  }

  /** Port numbers keep their lower 16 bits, as everywhere in this protocol; of two equal service ports the last counts. */
  ports(list: readonly PortPair[]): PortMap {
    if (list.length === 0) return noPorts;
    let key = '';
    for (const port of list) key += `${port.servicePort & 0xffff}:${port.targetPort & 0xffff},`;
    return remember(this.#ports, key, () => new Map(list.map((port) => [port.servicePort & 0xffff, port.targetPort & 0xffff])));
  }
}

function remember<V>(table: Map<string, V>, key: string, make: () => V): V {
  const known = table.get(key);
  if (known !== undefined) return known;
  if (table.size >= capacity) table.clear();
  const made = make();
  table.set(key, made);
  return made;
}
