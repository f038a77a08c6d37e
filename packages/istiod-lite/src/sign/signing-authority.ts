// The authority of the moment: signs, is replaced when better material comes, and never by material that does not work.
// Fed by plugged-in.ts or self-signed.ts; used by certificate-service.ts, serving-certificate.ts and root-config-maps.ts.
import type { AuthorityMaterial, Grant, ServingCertificate, Wish } from '@ambient-mesh/identity/authority';
import {
  type AuthorityLimits,
  authorityOf,
  type Expiry,
  type Material,
  rootsMayChange,
  sameRoots,
  type UsableAuthority,
} from './material.ts';

export interface SigningReport {
  /** New material is in use. */
  adopted(expiry: Expiry, rootsChanged: boolean): void;
  /** What came could not be used; what was there stays in use. */
  kept(wrong: string): void;
}

export interface SigningOptions extends AuthorityLimits {
  /** Roots may change while running. Default false (facts: control-plane §7.5). */
  readonly severalRoots: boolean;
  /** PEM of roots that are trusted beside the authority's own. */
  readonly extraRootsPem: string;
  readonly report: SigningReport;
}

export class SigningAuthority {
  readonly #options: SigningOptions;
  readonly #listeners: Set<(authority: SigningAuthority) => void> = new Set();
  #current: UsableAuthority | undefined;
  #given: AuthorityMaterial | undefined;

  constructor(options: SigningOptions) {
    this.#options = options;
  }

  /** False until there is one. */
  get usable(): boolean {
    return this.#current !== undefined;
  }

  /** What clients shall trust; empty until usable. */
  get rootsPem(): string {
    return this.#current?.authority.rootsPem ?? '';
  }

  get expiry(): Expiry | undefined {
    return this.#current?.expiry;
  }

  /** The material as it was given, extra roots left out. */
  get material(): AuthorityMaterial | undefined {
    return this.#given;
  }

  issue(wish: Wish): Grant | { readonly refused: 'no authority' } {
    return this.#current?.authority.issue(wish) ?? { refused: 'no authority' };
  }

  issueServing(names: readonly string[], ttlMs: number): ServingCertificate | { readonly refused: string } {
    return this.#current?.authority.issueServing(names, ttlMs) ?? { refused: 'no authority' };
  }

  /** Takes over from what was there if it works; otherwise reports why not. Returns what is wrong. `anyRoots`: whoever offers vouches that old and new roots fit. */
  offer(material: Material, { anyRoots = false } = {}): string | undefined {
    const wrong = this.#adopt(material, anyRoots);
    if (wrong !== undefined) this.#options.report.kept(wrong);
    return wrong;
  }

  /** Called after each change of certificate or roots. */
  onChange(listener: (authority: SigningAuthority) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #adopt(material: Material, anyRoots: boolean): string | undefined {
    if ('wrong' in material) return material.wrong;
    if (this.#given !== undefined && same(this.#given, material)) return undefined;
    const extra = this.#options.extraRootsPem;
    const next = authorityOf(
      { ...material, rootsPem: extra === '' ? material.rootsPem : `${material.rootsPem.trimEnd()}\n${extra}` },
      this.#options,
    );
    if ('wrong' in next) return next.wrong;
    const before = this.#current;
    if (before !== undefined && !anyRoots) {
      const may = rootsMayChange(before.material.rootsPem, next.material.rootsPem, this.#options.severalRoots);
      if ('wrong' in may) return may.wrong;
    }
    this.#given = material;
    this.#current = next;
    this.#options.report.adopted(next.expiry, before !== undefined && !sameRoots(before.material.rootsPem, next.material.rootsPem));
    for (const listener of [...this.#listeners]) listener(this);
    return undefined;
  }
}

const same = (a: AuthorityMaterial, b: AuthorityMaterial): boolean =>
  a.certPem === b.certPem && a.keyPem === b.keyPem && a.chainPem === b.chainPem && a.rootsPem === b.rootsPem;
