// Finds a property by its path and puts it into the octets that plugins expect. Pure.
// Called by the host function `proxy_get_property`; what properties there are is request-properties.ts.
import type { Properties, Property } from './messages.ts';
import { writePairs } from './pairs.ts';

/** Undefined: there is none. Path segments are separated by zeros, some plugins end the path with one. */
export function findProperty(tree: Properties, path: string): Uint8Array | undefined {
  let at: Property | undefined = tree;
  for (const segment of path.replace(/\0$/, '').split('\0')) {
    if (typeof at !== 'object' || !Object.hasOwn(at, segment)) return undefined;
    at = at[segment];
  }
  return at === undefined ? undefined : encode(at);
}

function encode(value: Property): Uint8Array {
  switch (typeof value) {
    case 'string':
      return Buffer.from(value, 'utf8');
    case 'boolean':
      return Uint8Array.of(value ? 1 : 0);
    case 'object': {
      const texts = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
      return writePairs(texts);
    }
    default: {
      const out = Buffer.alloc(8);
      out.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
      return out;
    }
  }
}
