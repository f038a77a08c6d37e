// The certificates that a data thread holds: asked of the main thread once per identity, replaced when it says so.
// Private keys pass through, and go nowhere but into TLS contexts. The book behind it is identity/certificate-book.ts.
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Clock } from '@ambient-mesh/runtime/time';

export class CredentialCache {
  readonly #ask: (id: SpiffeId) => Promise<Credentials>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #held = new Map<string, Credentials>();
  readonly #asking = new Map<string, Promise<Credentials>>();

  constructor(ask: (id: SpiffeId) => Promise<Credentials>, clock: Pick<Clock, 'now'>) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** At once when a valid one is held; otherwise when main has one. Rejects with main's fault. */
  get(id: SpiffeId): Credentials | Promise<Credentials> {
    const held = this.#held.get(id.uri);
    if (held !== undefined && held.notAfter > this.#clock.now()) return held;
    return this.#asking.get(id.uri) ?? this.#fetch(id);
  }

  /** A renewal. Identities that this thread never asked for are not kept. */
  renew(credentials: Credentials): void {
    const { uri } = credentials.identity;
    if (this.#held.has(uri)) this.#held.set(uri, credentials);
  }

  forget(uri: string): void {
    this.#held.delete(uri);
  }

  #fetch(id: SpiffeId): Promise<Credentials> {
    const asking = this.#ask(id)
      .then((credentials) => {
        this.#held.set(id.uri, credentials);
        return credentials;
      })
      .finally(() => this.#asking.delete(id.uri));
    this.#asking.set(id.uri, asking);
    return asking;
  }
}
