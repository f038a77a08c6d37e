// What tests of any package may borrow: an authority that issues credentials in about a millisecond, and certificates that must be refused.
// Only tests import this path; the layer checker sees to it.
// Times default to the real clock, because handshakes are checked by OpenSSL against it.
import { generateKeyPairSync } from 'node:crypto';
import { parseSpiffeId, type SpiffeId, spiffeId } from '@ambient-mesh/model/spiffe';
import { ms } from '@ambient-mesh/runtime/time';
import { Authority, type AuthorityMaterial, newIntermediate, newRoot, signerOf, workloadShape } from '../authority.ts';
import { type Credentials, readAnswer } from '../credentials.ts';
import { writeCsr } from '../csr.ts';
import { type CertificateShape, issueCertificate, type Signer } from '../issue.ts';
import { type KeyPair, newKeyPair, privatePem } from '../keys.ts';
import { pemBlocks, toPem } from '../pem.ts';
import { writeCrl } from './crl.ts';
import { type OddName, oddShapes } from './odd.ts';

export { type OddName, oddNames } from './odd.ts';
export { type OddCsr, oddCsr } from './odd-csr.ts';

export interface TestAuthorityOptions {
  /** Default `cluster.local`. */
  readonly trustDomain?: string;
  /** Of the root. RSA (2048 bits) takes a tenth of a second to make. Default `ec`. */
  readonly key?: 'ec' | 'rsa';
  /** Whether an intermediate signs the leaves. Default false. */
  readonly intermediate?: boolean;
  /** Default 3600. */
  readonly ttlSeconds?: number;
  /** Milliseconds since the epoch. Default the real clock. */
  readonly now?: () => number;
  /** Roots of others to trust too, as in a rotation. */
  readonly alsoTrust?: readonly string[];
}

export class TestAuthority {
  readonly trustDomain: string;
  /** The root, and the signing authority (the same unless there is an intermediate). */
  readonly root: AuthorityMaterial;
  readonly signing: AuthorityMaterial;
  readonly authority: Authority;
  readonly #options: TestAuthorityOptions;

  constructor(options: TestAuthorityOptions) {
    this.#options = options;
    this.trustDomain = options.trustDomain ?? 'cluster.local';
    const now = this.#now;
    const name = { organization: this.trustDomain, notBefore: now - 365 * dayMs, notAfter: now + 3_650 * dayMs };
    const own = newRoot(name, options.key === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : newKeyPair());
    this.root = { ...own, rootsPem: [own.rootsPem, ...(options.alsoTrust ?? [])].join('') };
    this.signing = options.intermediate ? newIntermediate(this.root, { ...name, commonName: 'intermediate' }) : this.root;
    this.authority = new Authority(this.signing, { clock: { now: () => ms(this.#now) } });
  }

  get #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  /** One certificate each. */
  get rootsPem(): readonly string[] {
    return pemBlocks(this.root.rootsPem, 'CERTIFICATE').map((der) => toPem(der, 'CERTIFICATE'));
  }

  id(namespace: string, serviceAccount: string): SpiffeId {
    return spiffeId(this.trustDomain, namespace, serviceAccount);
  }

  /** What the certificate book would hold for this identity (a SPIFFE URI, or an id made by `id`). */
  credentials(identity: SpiffeId | string, options: { readonly ttlSeconds?: number } = {}): Credentials {
    const wanted = typeof identity === 'string' ? parseSpiffeId(identity) : identity;
    if (wanted === undefined) throw new TypeError(`not a SPIFFE id: ${identity}`);
    const pair = newKeyPair();
    const answer = this.sign(writeCsr(wanted, pair), wanted, options.ttlSeconds);
    return readAnswer(answer, { identity: wanted, key: pair.privateKey, now: this.#now });
  }

  /** The answer of a certificate service; PEM, leaf first, root bundle last. */
  sign(csrPem: string, identity: SpiffeId, ttlSeconds = this.#options.ttlSeconds ?? 3_600): readonly string[] {
    const grant = this.authority.issue({ csrPem, identity, ttlSeconds });
    if ('refused' in grant) throw new TypeError(`the test authority refused: ${grant.refused}`);
    return grant.chainPem;
  }

  /** Credentials whose leaf is wrong in one way; see odd.ts for what is odd about each. */
  odd(name: OddName, identity: SpiffeId = this.id('default', 'odd')): Credentials {
    return this.custom(oddShapes(identity, this.#now)[name], identity);
  }

  /** Credentials whose leaf departs from a proper one as told. */
  custom(changes: Partial<CertificateShape>, identity: SpiffeId = this.id('default', 'custom')): Credentials {
    const pair: KeyPair = newKeyPair();
    const now = this.#now;
    const proper = {
      ...workloadShape,
      publicKey: pair.publicKey,
      uris: [identity.uri],
      notBefore: now - 60_000,
      notAfter: now + 3_600_000,
    };
    const shape: CertificateShape = { ...proper, ...changes };
    const leaf = toPem(issueCertificate(shape, this.#signer), 'CERTIFICATE');
    const { notBefore, notAfter } = shape;
    const between = this.signing === this.root ? '' : this.signing.certPem;
    return { identity, certChainPem: leaf + between, keyPem: privatePem(pair.privateKey), rootsPem: this.rootsPem, notBefore, notAfter };
  }

  /** PEM of a revocation list, by the signing authority, of these certificates (the first certificate of each PEM). */
  crl(...certificates: readonly string[]): string {
    return writeCrl(this.#signer, certificates, this.#now);
  }

  /** The same by the root: revokes intermediates. */
  rootCrl(...certificates: readonly string[]): string {
    return writeCrl(signerOf(this.root), certificates, this.#now);
  }

  get #signer(): Signer {
    return signerOf(this.signing);
  }
}

const dayMs = 86_400_000;

export const testAuthority = (options: TestAuthorityOptions = {}): TestAuthority => new TestAuthority(options);
