// Every address that clients can have, encoded once: workloads and services by resource name, and by the other names that clients ask for.
// Filled by publisher.ts from the index, served by wire's xDS server. Equal bytes are no change (facts: control-plane §3.3, §3.14).
import type { Service } from '@ambient-mesh/model/service';
import { serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { encodeService, encodeWorkload } from '@ambient-mesh/wire/xds/encode';
import { type Collection, encodeResource, type Resource, versionOf } from '@ambient-mesh/wire/xds/resource';
import { addressType } from '@ambient-mesh/wire/xds/subscription';
import { NameIndex } from './name-index.ts';

interface Entry extends Resource {
  /** Of a workload; empty for a service. */
  readonly node: string;
  /** Of a workload: keys of the services that it backs. Undefined for a service. */
  readonly backs: readonly string[] | undefined;
}

const none: readonly string[] = [];

export class AddressCatalogue implements Collection {
  readonly typeUrl = addressType;
  readonly #entries: Map<string, Entry> = new Map();
  /** `network/ip` and `network/ip/length`. */
  readonly #aliases: NameIndex = new NameIndex();
  readonly #onNode: NameIndex = new NameIndex();
  readonly #backing: NameIndex = new NameIndex();

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): Resource | undefined {
    return this.#entries.get(name);
  }

  /** `namespace/hostname` of every service. */
  *services(): Iterable<string> {
    for (const { name, backs } of this.#entries.values()) if (backs === undefined) yield name;
  }

  all(): Iterable<Resource> {
    return this.#entries.values();
  }

  /** False when nothing changed. Undefined removes. */
  setWorkload(uid: string, workload: Workload | undefined): boolean {
    if (workload === undefined) return this.#remove(uid);
    const aliases = workload.addresses.map((ip) => `${workload.network}/${ip}`);
    return this.#set(uid, encodeWorkload(workload), { aliases, node: workload.node, backs: [...workload.services.keys()] });
  }

  setService(key: string, service: Service | undefined): boolean {
    if (service === undefined) return this.#remove(key);
    const vips = service.vips.map(({ network, ip }) => `${network}/${ip}`);
    const blocks = service.cidrVips.map(({ network, ip, length }) => `${network}/${ip}/${length}`);
    return this.#set(serviceKey(service), encodeService(service), { aliases: [...vips, ...blocks], node: '', backs: undefined });
  }

  /** By resource name, else by alias; a service comes with every workload that backs it. Empty when there is nothing of that name. */
  lookUp(name: string): readonly Resource[] {
    const exact = this.#entries.get(name);
    const found = exact === undefined ? this.#named(this.#aliases.get(name)) : [exact];
    const all = new Set<Entry>(found);
    for (const entry of found) if (entry.backs === undefined) for (const one of this.#named(this.#backing.get(entry.name))) all.add(one);
    return [...all];
  }

  onNode(node: string): readonly Resource[] {
    return node === '' ? [] : this.#named(this.#onNode.get(node));
  }

  /** The services that a workload of this name backs. */
  backs(name: string): readonly string[] {
    return this.#entries.get(name)?.backs ?? none;
  }

  #set(name: string, body: Uint8Array, { aliases, node, backs }: Pick<Entry, 'aliases' | 'node' | 'backs'>): boolean {
    const version = versionOf(body);
    const before = this.#entries.get(name);
    if (before?.version === version) return false;
    if (before !== undefined) this.#unlink(before);
    const entry: Entry = { name, version, bytes: encodeResource(this.typeUrl, name, version, body), aliases, node, backs };
    this.#entries.set(name, entry);
    for (const alias of aliases) this.#aliases.add(alias, name);
    if (node !== '') this.#onNode.add(node, name);
    for (const service of backs ?? none) this.#backing.add(service, name);
    return true;
  }

  #remove(name: string): boolean {
    const before = this.#entries.get(name);
    if (before === undefined) return false;
    this.#entries.delete(name);
    this.#unlink(before);
    return true;
  }

  #unlink({ name, aliases, node, backs }: Entry): void {
    for (const alias of aliases) this.#aliases.remove(alias, name);
    if (node !== '') this.#onNode.remove(node, name);
    for (const service of backs ?? none) this.#backing.remove(service, name);
  }

  #named(names: Iterable<string>): Entry[] {
    const found: Entry[] = [];
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }
}
