// Heads of requests and responses as plugins see them, and what a plugin may make of them. Pure.
// Used by plugin-stream.ts. Whatever frames a message stays as the codec has it; what no codec could write is left out.
import type { RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import { isSayable } from '../header-changes.ts';
import type { Pairs } from './messages.ts';

export function pairsOfRequest({ method, scheme, authority, path, headers }: RequestHead): Pairs {
  return [[':method', method], [':scheme', scheme], [':authority', authority], [':path', path], ...headers];
}

export function pairsOfResponse({ status, headers }: ResponseHead): Pairs {
  return [[':status', String(status)], ...headers];
}

/** What was changed to something that cannot be said stays as it was. */
export function changedRequest(head: RequestHead, pairs: Pairs): Pick<RequestHead, 'method' | 'authority' | 'path' | 'headers'> {
  const given = (name: string, pattern: RegExp): string | undefined => {
    const value = pairs.find(([each]) => each === name)?.[1];
    return value !== undefined && pattern.test(value) ? value : undefined;
  };
  return {
    method: given(':method', /^[\w!#$%&'*+.^`|~-]+$/) ?? head.method,
    authority: given(':authority', /^[\w.~!$&'()*+,;=%:[\]-]+$/) ?? head.authority,
    path: given(':path', /^\/[\x21-\x22\x24-\x7e\x80-\xff]*$/) ?? head.path,
    headers: sayable(head.headers, pairs),
  };
}

export function changedResponse(head: ResponseHead, pairs: Pairs): ResponseHead {
  const status = Number(pairs.find(([name]) => name === ':status')?.[1]);
  // Whether there is a body depends on these; neither may come or go behind the codec's back.
  const fixed = head.status === 101 || head.status === 204 || head.status === 304;
  const free = Number.isInteger(status) && status >= 200 && status <= 599 && status !== 204 && status !== 304;
  return { status: !fixed && free ? status : head.status, headers: sayable(head.headers, pairs) };
}

/** Headers of an answer that a plugin makes up. */
export const sayableHeaders = (pairs: Pairs): Pairs => pairs.filter(([name, value]) => isSayable(name, value));

function sayable(before: Pairs, after: Pairs): Pairs {
  return [...sayableHeaders(after), ...before.filter(([name]) => !isSayable(name, ''))];
}
