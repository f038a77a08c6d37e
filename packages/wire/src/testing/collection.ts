// A collection of resources for tests of the xDS server: filled by hand, plain maps behind it.
import { type Collection, encodeResource, type Resource, versionOf } from '../xds/resource.ts';

export interface TestEntry {
  readonly body?: Uint8Array;
  readonly aliases?: readonly string[];
  readonly node?: string;
  readonly backs?: readonly string[];
}

export class TestCollection implements Collection {
  readonly typeUrl: string;
  readonly #entries: Map<string, Resource & TestEntry> = new Map();

  constructor(typeUrl: string, names: readonly string[] = []) {
    this.typeUrl = typeUrl;
    for (const name of names) this.put(name);
  }

  put(name: string, entry: TestEntry = {}): void {
    const { body = new TextEncoder().encode(name), aliases = [] } = entry;
    const version = versionOf(body);
    this.#entries.set(name, { ...entry, name, version, bytes: encodeResource(this.typeUrl, name, version, body), aliases });
  }

  remove(name: string): void {
    this.#entries.delete(name);
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
  lookUp(name: string): readonly Resource[] {
    const found = [...this.#entries.values()].filter((entry) => entry.name === name || entry.aliases.includes(name));
    const backing = [...this.#entries.values()].filter((entry) => found.some((one) => entry.backs?.includes(one.name)));
    return [...new Set([...found, ...backing])];
  }
  onNode(node: string): readonly Resource[] {
    return [...this.#entries.values()].filter((entry) => entry.node === node && node !== '');
  }
  backs(name: string): readonly string[] {
    return this.#entries.get(name)?.backs ?? [];
  }
}
