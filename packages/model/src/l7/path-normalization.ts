// Makes one path out of the many spellings that servers take for the same, before routes and policies look at it. Pure.
// What is forwarded is what was judged: the result replaces the request's path. What cannot be made unambiguous is refused with 400.
// As Envoy does for Istio's `pathNormalization` (facts: control-plane §6.2), but stricter where servers are known to disagree.
import type { MeshSettings } from './settings.ts';

export type PathNormalization = MeshSettings['pathNormalization'];

export type NormalizedPath =
  /** Query included, unchanged. */
  { readonly path: string } | { readonly refused: 'fragment' | 'not a path' | 'percent-encoding' | 'control character' | 'dot segment' };

/** What no mode changes and none refuses: no percent, backslash, fragment, control character, doubled slash, or segment that begins with a dot. */
const plain = /^\/(?![./])(?:[^%\\#/\0-\x20\x7f]|\/(?![./]))*$/;
/** As it is, or percent-encoded. */
const control = /[\0-\x20\x7f]|%(?:[01][0-9a-f]|7f)/i;
const brokenTriplet = /%(?![0-9a-f]{2})/i;
/** ASCII spelled in too many octets: not UTF-8 (RFC 3629 §3), yet some servers read `%c0%ae` as a dot. */
const overlong = /%(?:c[01]%[89ab][0-9a-f]|e0%[89][0-9a-f]%[89ab]|f0%8[0-9a-f]%[89ab])/i;
/** RFC 3986 §2.3: encoding these changes nothing. */
const unreserved = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi;
/** As seen by a server that decodes slashes, or cuts parameters off segments: `..%2f`, `..;x`. */
const dotSegment = /(?:^|[/\\]|%2f|%5c)\.\.?(?:$|[/\\;]|%2f|%5c|%3b)/i;

/** `path`: as in the request line, with its query. `*` (OPTIONS) stays. */
export function normalizePath(path: string, mode: PathNormalization): NormalizedPath {
  const question = path.indexOf('?');
  const bare = question < 0 ? path : path.slice(0, question);
  if (plain.test(bare)) return path.includes('#') ? { refused: 'fragment' } : { path };
  if (path.includes('#')) return { refused: 'fragment' };
  if (path === '*') return { path };
  if (!bare.startsWith('/')) return { refused: 'not a path' };
  if (mode === 'NONE') return { path };

  if (control.test(bare)) return { refused: 'control character' };
  if (brokenTriplet.test(bare) || overlong.test(bare)) return { refused: 'percent-encoding' };
  const decoded = mode === 'DECODE_AND_MERGE_SLASHES' ? bare.replace(/%2f|%5c/gi, '/') : bare;
  const resolved = withoutDotSegments(decoded.replace(unreserved, decodeURIComponent).replaceAll('\\', '/'));
  const merged = mode === 'BASE' ? resolved : resolved.replace(/\/{2,}/g, '/');
  if (dotSegment.test(merged)) return { refused: 'dot segment' };
  return { path: question < 0 ? merged : merged + path.slice(question) };
}

/** RFC 3986 §5.2.4; `..` at the root stays there. */
function withoutDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [at, segment] of segments.entries()) {
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    else if (at === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
