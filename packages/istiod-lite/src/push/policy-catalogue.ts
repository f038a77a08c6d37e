// Every policy that clients can have, encoded once. Filled by publisher.ts, served by wire's xDS server.
import type { Policy } from '@ambient-mesh/model/policy';
import { encodePolicy } from '@ambient-mesh/wire/xds/encode';
import { type Collection, encodeResource, type Resource, versionOf } from '@ambient-mesh/wire/xds/resource';
import { authorizationType } from '@ambient-mesh/wire/xds/subscription';

export class PolicyCatalogue implements Collection {
  readonly typeUrl = authorizationType;
  readonly #entries: Map<string, Resource> = new Map();

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
  set(key: string, policy: Policy | undefined): boolean {
    if (policy === undefined) return this.#entries.delete(key);
    const body = encodePolicy(policy);
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
