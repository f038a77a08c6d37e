// What consistent hashing looks at: a header, a cookie (made where there is none), the client's address, a query parameter. Pure.
// Called by serve-request.ts before an endpoint is chosen.
import type { Balance } from '@ambient-mesh/model/l7/destination';
import type { HeaderList, RequestHead } from '@ambient-mesh/wire/http/message';
import { hashText } from '../dispatch/balance.ts';
import { cookieOf } from '../filters/persistence.ts';

export interface HashKey {
  /** Undefined: the request has nothing to go by. */
  readonly hash: number | undefined;
  /** A cookie that the client is given so that it comes back to the same endpoint. */
  readonly cookie?: readonly [name: 'set-cookie', value: string];
}

/** `token`: what a new cookie would hold. */
export function hashKey(
  hash: Balance['hash'],
  { head, sourceIp, token }: { readonly head: RequestHead; readonly sourceIp: string; readonly token: () => string },
): HashKey {
  if (hash === undefined) return { hash: undefined };
  if ('sourceIp' in hash) return { hash: hashText(sourceIp) };
  if ('header' in hash) return keyed(headerIn(head.headers, hash.header.toLowerCase()));
  if ('query' in hash) {
    const at = head.path.indexOf('?');
    return keyed(at < 0 ? undefined : (new URLSearchParams(head.path.slice(at + 1)).get(hash.query) ?? undefined));
  }
  const held = cookieOf(head.headers, hash.cookie);
  if (held !== undefined || hash.ttl === undefined) return keyed(held);
  const made = token();
  const lifetime = hash.ttl > 0 ? `; Max-Age=${Math.floor(hash.ttl / 1_000)}` : '';
  return { hash: hashText(made), cookie: ['set-cookie', `${hash.cookie}=${made}; Path=${hash.path ?? '/'}; HttpOnly${lifetime}`] };
}

const keyed = (text: string | undefined): HashKey => ({ hash: text === undefined ? undefined : hashText(text) });

const headerIn = (headers: HeaderList, wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1];
