// One object as the store keeps it: frozen, in its storage version, its JSON text made once however many clients read it.
// Made by kube-store.ts only.
import type { KubeObject } from '../patch/json.ts';

export class Stored {
  /** `namespace/name`, or `name` of a cluster-scoped object: the order of keys is the order of lists. */
  readonly key: string;
  /** The number in metadata.resourceVersion. */
  readonly revision: number;
  readonly object: Readonly<KubeObject>;
  #text: string | undefined;

  constructor(key: string, revision: number, object: KubeObject) {
    this.key = key;
    this.revision = revision;
    const { kind, apiVersion, metadata, ...rest } = object;
    this.object = deepFreeze({ kind, apiVersion, metadata: { ...metadata, resourceVersion: String(revision) }, ...rest });
  }

  get text(): string {
    this.#text ??= JSON.stringify(this.object);
    return this.#text;
  }

  /** The text without kind and apiVersion: lists of built-in kinds say those once. */
  get itemText(): string {
    const { kind, apiVersion } = this.object;
    return `{${this.text.slice(JSON.stringify({ kind, apiVersion }).length)}`;
  }
}

/** Whoever changes an object that others share is told so at once. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
  return value;
}
