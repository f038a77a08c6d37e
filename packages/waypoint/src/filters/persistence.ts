// Session persistence: which endpoint a client's session is bound to, written into a cookie or header of its own (facts: gateway-api-mesh §3.6). Pure.
// Called by route/ before and after a request is sent. A session names a pod, not an address; when that pod is gone it is bound anew.
import type { Persistence } from '@ambient-mesh/model/l7/route';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

export interface Session {
  /** Uid of the workload. */
  readonly uid: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Undefined: none, unreadable, or over. */
export function sessionOf(persistence: Persistence, headers: HeaderList, now: number): Session | undefined {
  const text = persistence.by === 'header' ? headerOf(headers, persistence.name.toLowerCase()) : cookieOf(headers, persistence.name);
  const session = text === undefined ? undefined : decode(text);
  if (session === undefined) return undefined;
  return persistence.absoluteTimeout !== undefined && now - session.since > persistence.absoluteTimeout ? undefined : session;
}

/** The header that tells the client; undefined when it knows already. */
export function announce(
  persistence: Persistence,
  known: Session | undefined,
  { uid, now, path }: { readonly uid: string; readonly now: number; readonly path: string },
): readonly [name: string, value: string] | undefined {
  if (known?.uid === uid) return undefined;
  const text = encode({ uid, since: now });
  if (persistence.by === 'header') return [persistence.name.toLowerCase(), text];
  const lifetime =
    persistence.permanent && persistence.absoluteTimeout !== undefined
      ? `; Max-Age=${Math.floor(persistence.absoluteTimeout / 1_000)}`
      : '';
  return ['set-cookie', `${persistence.name}=${text}; Path=${persistence.path ?? path}; HttpOnly${lifetime}`];
}

const encode = ({ uid, since }: Session): string => Buffer.from(JSON.stringify([uid, since])).toString('base64url');

function decode(text: string): Session | undefined {
  if (text.length > 1_024) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (!Array.isArray(value)) return undefined;
    const [uid, since] = value as readonly unknown[];
    return typeof uid === 'string' && typeof since === 'number' ? { uid, since } : undefined;
  } catch {
    return undefined;
  }
}

const headerOf = (headers: HeaderList, wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1];

/** The first cookie of that name. */
export function cookieOf(headers: HeaderList, wanted: string): string | undefined {
  for (const [name, value] of headers) {
    if (name !== 'cookie') continue;
    for (const pair of value.split(';')) {
      const equals = pair.indexOf('=');
      if (equals > 0 && pair.slice(0, equals).trim() === wanted) return pair.slice(equals + 1).trim();
    }
  }
  return undefined;
}
