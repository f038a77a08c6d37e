// Indices whose keys may have several values: nearly always one, so a short array beats a Set in memory.
// The building block of the stores; order is that of insertion, and a replaced value keeps its place.
import type { Ip } from './address.ts';

const nothing: readonly never[] = [];

export class MultiMap<K, V> {
  readonly #lists = new Map<K, V[]>();

  get size(): number {
    return this.#lists.size;
  }

  get(key: K): readonly V[] {
    return this.#lists.get(key) ?? nothing;
  }

  /** `instead` is the value that this one replaces, if it is there. A value is listed once, however often it is put. */
  put(key: K, value: V, instead?: V): void {
    const list = this.#lists.get(key);
    if (!list) {
      this.#lists.set(key, [value]);
      return;
    }
    if (list.includes(value)) return;
    const at = instead === undefined ? -1 : list.indexOf(instead);
    list[at < 0 ? list.length : at] = value;
  }

  drop(key: K, value: V): void {
    const list = this.#lists.get(key);
    const at = list?.indexOf(value) ?? -1;
    if (!list || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#lists.delete(key);
  }
}

/** By (network, IP), without gluing the two into one string at each look-up. */
export class AddressIndex<V> {
  readonly #networks = new Map<string, MultiMap<Ip, V>>();

  at(network: string, ip: Ip): readonly V[] {
    return this.#networks.get(network)?.get(ip) ?? nothing;
  }

  put(network: string, ip: Ip, value: V, instead?: V): void {
    const addresses = this.#networks.get(network) ?? new MultiMap<Ip, V>();
    if (addresses.size === 0) this.#networks.set(network, addresses);
    addresses.put(ip, value, instead);
  }

  drop(network: string, ip: Ip, value: V): void {
    const addresses = this.#networks.get(network);
    addresses?.drop(ip, value);
    if (addresses?.size === 0) this.#networks.delete(network);
  }
}
