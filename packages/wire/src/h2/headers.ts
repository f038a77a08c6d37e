// Judges decoded header lists: what RFC 9113 §8 calls malformed gets its stream reset, never reaches a caller.
// Used by session.ts. Pure.
import type { HeaderList } from './protocol.ts';

/** Lower-case token characters (RFC 9110 §5.6.2, RFC 9113 §8.2.1). */
const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** No NUL, CR or LF anywhere, no blank at either end (RFC 9113 §8.2.1). */
const valuePattern = /^(?![ \t])[^\0\r\n]*(?<![ \t])$/;
const connectionHeaders = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);
const requestPseudo = new Set([':method', ':scheme', ':authority', ':path']);

export interface RequestHead {
  readonly method: string;
  /** Empty when absent, which only requests other than CONNECT may do. */
  readonly authority: string;
  /** Without the pseudo-headers. */
  readonly headers: HeaderList;
}

/** Undefined if malformed. CONNECT has exactly `:method` and `:authority` (§8.5). */
export function readRequest(list: HeaderList): RequestHead | undefined {
  const split = splitPseudo(list);
  if (split === undefined) return undefined;
  const { pseudo, headers } = split;
  for (const name of pseudo.keys()) if (!requestPseudo.has(name)) return undefined;
  const method = pseudo.get(':method');
  const authority = pseudo.get(':authority') ?? '';
  if (method === undefined) return undefined;
  const path = pseudo.has(':path') && pseudo.has(':scheme');
  const none = !pseudo.has(':path') && !pseudo.has(':scheme');
  if (method === 'CONNECT' ? !none || authority === '' : !path) return undefined;
  return { method, authority, headers };
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/** Undefined if malformed. */
export function readResponse(list: HeaderList): ResponseHead | undefined {
  const split = splitPseudo(list);
  const status = split?.pseudo.get(':status');
  if (split === undefined || status === undefined || split.pseudo.size !== 1 || !/^[1-9]\d\d$/.test(status)) return undefined;
  return { status: Number(status), headers: split.headers };
}

/** Trailers have no pseudo-headers (§8.1). */
export function validTrailers(list: HeaderList): boolean {
  return splitPseudo(list)?.pseudo.size === 0;
}

function splitPseudo(list: HeaderList): { pseudo: Map<string, string>; headers: HeaderList } | undefined {
  const pseudo = new Map<string, string>();
  const headers: (readonly [string, string])[] = [];
  for (const entry of list) {
    const [name, value] = entry;
    if (!valuePattern.test(value)) return undefined;
    if (name.startsWith(':')) {
      if (headers.length > 0 || pseudo.has(name)) return undefined;
      pseudo.set(name, value);
    } else {
      if (!namePattern.test(name) || connectionHeaders.has(name) || (name === 'te' && value !== 'trailers')) return undefined;
      headers.push(entry);
    }
  }
  return { pseudo, headers };
}
