// Answers whether a peer's chain holds a revoked certificate. Pure: same lists, same answer.
// Asked by wire/tls after a handshake, and again for open tunnels when revocation-file.ts has loaded new lists.
// A certificate of an issuer without a list is good, and a list's own expiry does not count: only a definite entry revokes.
import { X509Certificate } from 'node:crypto';
import { type RevocationList, readRevocationLists } from './crl.ts';
import { type CertificateFields, readCertificate } from './x509.ts';

export type RevocationFault =
  | { readonly code: 'peer.revoked'; readonly serial: string }
  /**
   * The chain as presented does not lead, signature by signature, to one of our roots: what was not looked at could be revoked.
   * A reason to refuse a handshake, none to end an open tunnel: its root may have been rotated out since.
   */
  | { readonly code: 'peer.unproven-chain' };

export type RevocationVerdict = { readonly ok: true } | { readonly ok: false; readonly refused: RevocationFault };

interface Link {
  readonly fields: CertificateFields;
  readonly certificate: X509Certificate;
}

const good: RevocationVerdict = { ok: true };
const unproven: RevocationVerdict = { ok: false, refused: { code: 'peer.unproven-chain' } };
/** Chains of the mesh have two or three certificates. */
const maxChain = 10;

export class RevocationSet {
  static readonly none: RevocationSet = new RevocationSet([]);

  /** The set that a file holds, or a sentence saying why it cannot be read. */
  static parse(file: Buffer): RevocationSet | { readonly mistake: string } {
    const lists = readRevocationLists(file);
    return 'mistake' in lists ? lists : new RevocationSet(lists);
  }

  /** Serials listed. */
  readonly size: number;
  /** By issuer name. */
  readonly #lists = new Map<string, RevocationList[]>();
  /** Whether a key signed a list: costs a pass over the whole list, and there are as many keys as authorities. */
  readonly #signed = new WeakMap<RevocationList, Map<string, boolean>>();

  private constructor(lists: readonly RevocationList[]) {
    for (const list of lists) this.#lists.getOrInsertComputed(list.issuer.toString('latin1'), () => []).push(list);
    this.size = lists.reduce((sum, list) => sum + list.serials.size, 0);
  }

  /**
   * Follows the chain from its leaf (first) to one of our roots. Costs a signature check per link (0.1 ms), nothing when there are no lists.
   * An issuer is known by its signature and not by its name, so that a look-alike certificate in the chain cannot hide a revoked one.
   */
  check(chain: readonly Buffer[], rootsPem: readonly string[]): RevocationVerdict {
    if (this.#lists.size === 0) return good;
    const presented = chain.length > maxChain ? [] : chain.flatMap(linkOf);
    const roots = rootsOf(rootsPem);
    let at = presented.length === chain.length ? presented[0] : undefined;
    for (let steps = 0; at !== undefined && steps < maxChain; steps++) {
      const link = at;
      const root = roots.find((above) => isIssuer(above, link));
      const issuer = root ?? presented.find((above) => isIssuer(above, link));
      if (issuer && this.#isListed(link, issuer)) return { ok: false, refused: { code: 'peer.revoked', serial: link.fields.serial } };
      if (root) return good;
      at = issuer;
    }
    return unproven;
  }

  #isListed(link: Link, issuer: Link): boolean {
    const lists = this.#lists.get(link.fields.issuer.toString('latin1')) ?? [];
    return lists.some((list) => list.serials.has(link.fields.serial) && this.#isBy(issuer, list));
  }

  #isBy(issuer: Link, list: RevocationList): boolean {
    const byKey = this.#signed.getOrInsertComputed(list, () => new Map<string, boolean>());
    return byKey.getOrInsertComputed(issuer.fields.publicKey.toString('latin1'), () => list.signedBy(issuer.certificate.publicKey));
  }
}

const isIssuer = (above: Link, link: Link): boolean =>
  above.fields.subject.equals(link.fields.issuer) && link.certificate.verify(above.certificate.publicKey);

function linkOf(der: Buffer): Link[] {
  const fields = readCertificate(der);
  return fields === undefined ? [] : [{ fields, certificate: new X509Certificate(der) }];
}

const knownRoots = new WeakMap<readonly string[], readonly Link[]>();

const rootsOf = (rootsPem: readonly string[]): readonly Link[] =>
  knownRoots.getOrInsertComputed(rootsPem, () => rootsPem.flatMap((pem) => linkOf(new X509Certificate(pem).raw)));
