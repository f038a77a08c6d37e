// Services by CIDR virtual address: which blocks of a network hold this address, longest prefix first.
// One hash look-up per prefix length in use, however many blocks there are. Used by service-store.ts.
import { familyOf, type Ip, wordsOf } from './address.ts';
import { prefixKey } from './cidr.ts';
import { MultiMap } from './multi-map.ts';
import type { CidrVip, Service } from './service.ts';

interface Blocks {
  readonly family: 4 | 6;
  readonly length: number;
  readonly byPrefix: MultiMap<string, Service>;
}

export class CidrIndex {
  readonly #networks = new Map<string, Blocks[]>();

  /** One list per block that holds the address, longest prefix first. */
  *holding(network: string, ip: Ip): Generator<readonly Service[]> {
    const lengths = this.#networks.get(network);
    if (!lengths) return;
    const [words, family] = [wordsOf(ip), familyOf(ip)];
    for (const blocks of lengths) {
      if (blocks.family !== family) continue;
      const services = blocks.byPrefix.get(prefixKey(words, blocks.length));
      if (services.length > 0) yield services;
    }
  }

  put(vip: CidrVip, service: Service, instead?: Service): void {
    this.#blocksOf(vip).byPrefix.put(prefixKey(wordsOf(vip.ip), vip.length), service, instead);
  }

  drop(vip: CidrVip, service: Service): void {
    const blocks = this.#blocksOf(vip);
    blocks.byPrefix.drop(prefixKey(wordsOf(vip.ip), vip.length), service);
    if (blocks.byPrefix.size > 0) return;
    const left = this.#networks.get(vip.network)?.filter((other) => other !== blocks) ?? [];
    if (left.length > 0) this.#networks.set(vip.network, left);
    else this.#networks.delete(vip.network);
  }

  #blocksOf({ network, ip, length }: CidrVip): Blocks {
    const family = familyOf(ip);
    const lengths = this.#networks.get(network) ?? [];
    const known = lengths.find((blocks) => blocks.length === length && blocks.family === family);
    if (known) return known;
    const blocks: Blocks = { family, length, byPrefix: new MultiMap() };
    this.#networks.set(
      network,
      [...lengths, blocks].sort((a, b) => b.length - a.length),
    );
    return blocks;
  }
}
