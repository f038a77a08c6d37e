// What one client is owed of one type of resource: everything or names on demand, merged while it waits, and what it has acknowledged. Pure.
// One per client and type, owned by served-client.ts. Holds names only, and of a wildcard client not even those that it has (facts: control-plane §3.15).
import type { Collection, Resource } from './resource.ts';

/** The part of a request that concerns one type. */
export interface TypeRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client has from before, in the first request of a stream: name to version. */
  readonly initial: Readonly<Record<string, string>>;
}

export interface Portion {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  readonly withAliases: boolean;
}

export interface PortionLimits {
  /** A portion ends once it holds so many octets; at least one resource is in it. */
  readonly bytes: number;
  readonly names: number;
}

/** What is owed beyond this part of the collection is owed as "everything": names would be the longer list. */
const share = 0.5;
const fewNames = 1_000;

export class ServedType {
  readonly #collection: Collection;
  readonly #node: string;
  readonly wildcard: boolean;
  /** On demand: what was asked for, and every name that was sent. */
  readonly #names: Set<string> = new Set();
  /** Names to send, or to report as removed. */
  readonly #owed: Set<string> = new Set();
  /** Names on demand that were asked for and have to be answered even if there is nothing. */
  readonly #asked: Set<string> = new Set();
  /** Of a snapshot: the rest of what there is. */
  #snapshot: Iterator<Resource> | undefined;
  #initial: Map<string, string> | undefined;
  #mustAnswer = true;

  constructor(collection: Collection, node: string, request: TypeRequest) {
    this.#collection = collection;
    this.#node = node;
    this.wildcard = !request.unsubscribe.includes('*') && (request.subscribe.length === 0 || request.subscribe.includes('*'));
    const initial = Object.entries(request.initial);
    this.#initial = initial.length > 0 ? new Map(initial) : undefined;
    if (this.wildcard) this.#everything();
    else this.#beginOnDemand(request);
  }

  /** A later request of this type. Asking anew for a name sends it anew. */
  request({ subscribe, unsubscribe }: TypeRequest): void {
    if (this.wildcard) return;
    for (const name of unsubscribe) this.#names.delete(name);
    this.#ask(subscribe);
  }

  /** These have changed, or are gone. */
  changed(names: Iterable<string>): void {
    for (const name of names) if (this.wildcard || this.#concerns(name)) this.#owed.add(name);
    if (this.wildcard && this.#owed.size > Math.max(fewNames, this.#collection.size * share)) this.#resend();
  }

  /** Whether anything is owed: with `removals` false, anything that exists. */
  owes(removals = true): boolean {
    if (this.#snapshot !== undefined || this.#mustAnswer || this.#asked.size > 0) return true;
    if (removals) return this.#owed.size > 0;
    for (const name of this.#owed) if (this.#collection.get(name) !== undefined) return true;
    return false;
  }

  /** How many names wait, for the debug page. */
  get pending(): number {
    return this.#owed.size + this.#asked.size;
  }

  /** Names on demand, asked for or sent. */
  get subscribed(): number {
    return this.#names.size;
  }

  /** The next part of what is owed, as things are now; undefined when nothing is. With `removals` false those wait. */
  next(limits: PortionLimits, removals = true): Portion | undefined {
    if (!this.owes(removals)) return undefined;
    const taking = new Taking(limits);
    if (this.#snapshot !== undefined) this.#takeSnapshot(taking);
    for (const name of this.#asked) {
      if (taking.full) break;
      this.#asked.delete(name);
      this.#takeAsked(name, taking);
    }
    for (const name of this.#owed) {
      if (taking.full) break;
      const resource = this.#collection.get(name);
      if (resource === undefined && !removals) continue;
      this.#owed.delete(name);
      if (resource === undefined) taking.gone(name);
      else taking.take(resource);
    }
    this.#mustAnswer = false;
    if (!this.wildcard) for (const { name } of taking.resources) this.#names.add(name);
    return { resources: taking.resources, removed: taking.removed, withAliases: !this.wildcard };
  }

  /** A wildcard client's first answer, or everything anew. */
  #everything(): void {
    this.#snapshot = this.#collection.all()[Symbol.iterator]();
    this.#owed.clear();
    for (const name of this.#initial?.keys() ?? []) if (this.#collection.get(name) === undefined) this.#owed.add(name);
  }

  /** Everything that exists, and what is gone by name. */
  #resend(): void {
    const gone = [...this.#owed].filter((name) => this.#collection.get(name) === undefined);
    this.#initial = undefined;
    this.#everything();
    for (const name of gone) this.#owed.add(name);
  }

  #takeSnapshot(taking: Taking): void {
    while (!taking.full) {
      const next = this.#snapshot?.next();
      if (next === undefined || next.done) {
        this.#snapshot = undefined;
        this.#initial = undefined;
        return;
      }
      const { name, version } = next.value;
      // Changed meanwhile: what is sent now is what it is now.
      this.#owed.delete(name);
      if (this.#initial?.get(name) !== version) taking.take(next.value);
    }
  }

  #beginOnDemand({ subscribe, initial }: TypeRequest): void {
    for (const { name } of this.#collection.onNode(this.#node)) this.#owed.add(name);
    for (const [name, version] of Object.entries(initial)) {
      this.#names.add(name);
      const now = this.#collection.get(name);
      if (now?.version === version) this.#owed.delete(name);
      else this.#owed.add(name);
    }
    this.#ask(subscribe);
    this.#initial = undefined;
  }

  #ask(names: readonly string[]): void {
    for (const name of names) {
      if (name === '*') continue;
      this.#names.add(name);
      this.#asked.add(name);
    }
  }

  #takeAsked(name: string, taking: Taking): void {
    const found = this.#collection.lookUp(name);
    if (found.length === 0) taking.gone(name);
    for (const resource of found) {
      this.#owed.delete(resource.name);
      taking.take(resource);
    }
  }

  /** On demand: it was asked for or sent, lives on the client's node, or belongs to something that was asked for. */
  #concerns(name: string): boolean {
    if (this.#names.has(name)) return true;
    const resource = this.#collection.get(name);
    if (resource === undefined) return false;
    return (
      resource.aliases.some((alias) => this.#names.has(alias)) ||
      this.#collection.backs(name).some((service) => this.#names.has(service)) ||
      this.#collection.onNode(this.#node).includes(resource)
    );
  }
}

/** A portion in the making. */
class Taking {
  readonly resources: Resource[] = [];
  readonly removed: string[] = [];
  readonly #limits: PortionLimits;
  readonly #taken: Set<string> = new Set();
  #bytes = 0;

  constructor(limits: PortionLimits) {
    this.#limits = limits;
  }

  get full(): boolean {
    return this.#bytes >= this.#limits.bytes || this.resources.length + this.removed.length >= this.#limits.names;
  }

  take(resource: Resource): void {
    if (this.#taken.has(resource.name)) return;
    this.#taken.add(resource.name);
    this.resources.push(resource);
    this.#bytes += resource.bytes.length;
  }

  gone(name: string): void {
    this.removed.push(name);
    this.#bytes += name.length;
  }
}
