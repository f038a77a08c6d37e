// Which namespaces the mesh looks at: all, or those that match a discovery selector. Pure but for what it remembers.
// Used by feed.ts, which drops what lives elsewhere, and by the roots' ConfigMaps.
import type { LabelSelector } from '@ambient-mesh/translate/kinds/meta';
import type { KubeNamespace } from '@ambient-mesh/translate/kinds/place';
import { matchesSelector } from '@ambient-mesh/translate/selector';

export class Discovery {
  readonly #selectors: readonly LabelSelector[];
  readonly #seen: Set<string> = new Set();

  constructor(selectors: readonly LabelSelector[]) {
    this.#selectors = selectors;
  }

  /** With no selector every namespace counts, known or not. */
  discovers(namespace: string): boolean {
    return this.#selectors.length === 0 || this.#seen.has(namespace);
  }

  /** True when the namespace is looked at from now on, or no longer, unlike before. */
  update(name: string, namespace: KubeNamespace | undefined): boolean {
    if (this.#selectors.length === 0) return false;
    const before = this.#seen.has(name);
    const now = namespace !== undefined && this.#selectors.some((selector) => matchesSelector(selector, namespace.meta.labels));
    if (now) this.#seen.add(name);
    else this.#seen.delete(name);
    return now !== before;
  }
}
