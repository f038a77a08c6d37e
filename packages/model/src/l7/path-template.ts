// Path templates of AuthorizationPolicy: `{*}` stands for one segment, `{**}` for any number of them (facts: control-plane §6.4). Pure.
// Compiled by request-match.ts when a policy arrives; a template that means nothing is reported there.

export const isTemplate = (pattern: string): boolean => pattern.includes('{*}') || pattern.includes('{**}');

/**
 * Undefined when an operator is not a whole segment, follows `{**}`, or is mixed with `*`.
 * `{**}` may be empty, its slashes stay: `/a/{**}` holds for `/a/` and not for `/a`.
 */
export function compileTemplate(pattern: string): ((path: string) => boolean) | undefined {
  const segments = pattern.split('/');
  const open = segments.indexOf('{**}');
  if (segments[0] !== '' || (open >= 0 && segments.slice(open + 1).some((segment) => segment.includes('{')))) return undefined;
  if (segments.some((segment) => segment !== '{*}' && segment !== '{**}' && /[*{}]/.test(segment))) return undefined;
  if (open < 0) return (path) => sameSegments(segments, path.split('/'));
  const before = segments.slice(0, open);
  const after = segments.slice(open + 1);
  return (path) => {
    const actual = path.split('/');
    if (actual.length <= before.length + after.length) return false;
    return sameSegments(before, actual.slice(0, before.length)) && sameSegments(after, actual.slice(actual.length - after.length));
  };
}

function sameSegments(wanted: readonly string[], actual: readonly string[]): boolean {
  return wanted.length === actual.length && wanted.every((want, at) => (want === '{*}' ? actual[at] !== '' : actual[at] === want));
}
