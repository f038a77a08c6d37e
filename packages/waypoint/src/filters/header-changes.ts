// Headers as a service that the waypoint asks wants them changed, held to what a proxy may let others say. Pure.
// Used by external authorization and global limits.
import type { HeaderChange } from '@ambient-mesh/wire/external/check';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

/** They frame messages or concern one connection: codecs alone write them. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a service may set this; names of pseudo-headers are none. */
export const isSayable = (name: string, value: string): boolean =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !reserved.has(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

/** In order, one change after the other. */
export function changedHeaders(headers: HeaderList, changes: readonly HeaderChange[]): HeaderList {
  let result = headers;
  for (const [name, value, how] of changes) {
    const there = result.some(([each]) => each === name);
    if ((how === 'if-absent' && there) || (how === 'if-present' && !there)) continue;
    const kept = how === 'add' || !there ? result : result.filter(([each]) => each !== name);
    result = [...kept, [name, value]];
  }
  return result;
}
