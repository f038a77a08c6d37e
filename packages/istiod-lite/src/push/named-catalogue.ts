// Every resource of a type that clients follow whole, encoded once. Filled by publisher.ts, served by wire's xDS server.
// Of types that are asked for by name, or by node, is address-catalogue.ts.
import { type Collection, encodeResource, type Resource, versionOf } from '@ambient-mesh/wire/xds/resource';

export class NamedCatalogue<T> implements Collection {
  readonly typeUrl: string;
  readonly #encode: (resource: T) => Uint8Array;
  readonly #entries: Map<string, Resource> = new Map();

  /** `encode`: equal resources have equal bytes. */
  constructor(typeUrl: string, encode: (resource: T) => Uint8Array) {
    this.typeUrl = typeUrl;
    this.#encode = encode;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): Resource | undefined {
    return this.#entries.get(name);
  }

  all(): Iterable<Resource> {
    return this.#entries.values();
  }

  /** False when nothing changed. Undefined removes. */
  set(key: string, resource: T | undefined): boolean {
    if (resource === undefined) return this.#entries.delete(key);
    const body = this.#encode(resource);
    const version = versionOf(body);
    if (this.#entries.get(key)?.version === version) return false;
    this.#entries.set(key, { name: key, version, bytes: encodeResource(this.typeUrl, key, version, body), aliases: [] });
    return true;
  }

  lookUp(name: string): readonly Resource[] {
    const found = this.#entries.get(name);
    return found === undefined ? [] : [found];
  }

  onNode(): readonly Resource[] {
    return [];
  }

  backs(): readonly string[] {
    return [];
  }
}
