// Browsers that signed in: cookies that stand for credentials, which stay here.
// Used by serve.ts. A cookie is sent to every port of its host, so its name holds ours, and nothing can be learned from its value.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

const lifetime = ms(12 * 3_600_000);
const most = 1_000;

interface Session {
  readonly credential: string;
  readonly endsAt: Ms;
}

export class Sessions {
  readonly #clock: Clock;
  /** By hash of the cookie's value, oldest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The cookie's value. One too many ends the oldest. */
  open(credential: string): string {
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= most) this.#sessions.delete(oldest);
    const value = randomSecret();
    this.#sessions.set(hash(value).toString('hex'), { credential, endsAt: ms(this.#clock.monotonic() + lifetime) });
    return value;
  }

  /** Looked up by its hash: how long that takes tells nothing of the value. */
  credentialOf(value: string): string | undefined {
    const key = hash(value).toString('hex');
    const session = this.#sessions.get(key);
    if (session === undefined || session.endsAt > this.#clock.monotonic()) return session?.credential;
    this.#sessions.delete(key);
    return undefined;
  }
}

/** 256 bits, for URLs and cookies. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** Takes as long for one wrong character as for all. */
export const isSecret = (given: string, secret: string): boolean => timingSafeEqual(hash(given), hash(secret));

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

export const cookieName = (port: number): string => `ambient-graph-${port}`;

/** Of the `Cookie` header. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  for (const each of (header ?? '').split(';')) {
    const at = each.indexOf('=');
    if (at > 0 && each.slice(0, at).trim() === name) return each.slice(at + 1).trim();
  }
  return undefined;
}
