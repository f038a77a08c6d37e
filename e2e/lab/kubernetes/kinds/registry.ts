// Which kinds are served right now: the built-in ones, and those of the CustomResourceDefinitions in the store.
// Asked by the server for every request and by discovery; follows the store by itself.
import { servedKinds } from '../crd/served.ts';
import { listAt, mapAt, textAt } from '../object.ts';
import type { KubeObject } from '../patch/json.ts';
import { apiVersionOf, resourceName, type ServedKind } from '../served-kind.ts';
import type { KubeStore } from '../store/kube-store.ts';
import { builtinKinds, builtinsWithGeneration } from './builtin-kinds.ts';
import { eventFromCore, eventToCore } from './event-versions.ts';

/** A kind in the version that a client asks for, and how its objects are kept. */
export interface Resource extends ServedKind {
  /** What the store calls it: `deployments.apps`. */
  readonly stored: string;
  readonly isBuiltin: boolean;
  /** Objects are answered, not stored. */
  readonly isReview: boolean;
  /** Whether metadata.generation counts changes of the specification. */
  readonly hasGeneration: boolean;
  readonly toStored: (object: KubeObject) => KubeObject;
  readonly fromStored: (object: Readonly<KubeObject>) => Readonly<KubeObject>;
}

export const crdResource = 'customresourcedefinitions.apiextensions.k8s.io';

const identity = <T>(object: T): T => object;

const builtins: readonly Resource[] = builtinKinds.map((kind) => ({
  ...kind,
  stored: kind.storedUnder ?? resourceName(kind),
  isBuiltin: true,
  hasGeneration: builtinsWithGeneration.has(resourceName(kind)),
  toStored: kind.storedUnder === undefined ? identity : eventToCore,
  fromStored: kind.storedUnder === undefined ? identity : eventFromCore,
}));

export class KindRegistry implements Disposable {
  /** By name of the definition. */
  readonly #custom = new Map<string, readonly Resource[]>();
  readonly #subscription: Disposable;
  #byPath = new Map<string, Resource>();

  constructor(store: KubeStore) {
    for (const { key, object } of store.list(crdResource)) this.#custom.set(key, resourcesOf(object));
    this.#index();
    this.#subscription = store.onEvent(({ resource, type, after }) => {
      if (resource !== crdResource) return;
      if (type === 'DELETED') this.#custom.delete(after.key);
      else this.#custom.set(after.key, resourcesOf(after.object));
      this.#index();
    });
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** Built-in kinds first, then by name of the definition. */
  all(): Iterable<Resource> {
    return this.#byPath.values();
  }

  #index(): void {
    const custom = [...this.#custom].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, resources]) => resources);
    this.#byPath = new Map([...builtins, ...custom].map((each) => [`${each.group}/${each.version}/${each.plural}`, each]));
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

function resourcesOf(definition: Readonly<KubeObject>): readonly Resource[] {
  const kinds = servedKinds(definition);
  const storage = listAt(definition.spec, 'versions').find((version) => mapAt(version).storage === true);
  return kinds.map((kind) => {
    const apiVersion = apiVersionOf(kind);
    const storedApiVersion = apiVersionOf({ group: kind.group, version: textAt(storage, 'name') ?? kind.version });
    return {
      ...kind,
      stored: resourceName(kind),
      isBuiltin: false,
      isReview: false,
      hasGeneration: true,
      toStored: (object) => ({ ...object, apiVersion: storedApiVersion }),
      fromStored: (object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }),
    };
  });
}
