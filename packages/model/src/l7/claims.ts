// The claims of a JSON Web Token whose signature has been checked, as policies and routes ask for them. Pure.
// Filled in by the waypoint's JWT filter; read by request-match.ts.

export type Claims = Readonly<Record<string, unknown>>;

/** Claims that are lists in effect, as OAuth writes them: `"read write"`. */
const alwaysSplit: readonly string[] = ['scope', 'permission'];

/** The same claims with texts of the named ones cut at spaces. */
export function splitClaims(claims: Claims, named: readonly string[]): Claims {
  const split = [...alwaysSplit, ...named].filter((name) => Object.hasOwn(claims, name) && typeof claims[name] === 'string');
  if (split.length === 0) return claims;
  return { ...claims, ...Object.fromEntries(split.map((name) => [name, String(claims[name]).split(' ').filter(Boolean)])) };
}

/** The claim at a path of names, undefined if there is none. */
export function claimAt(claims: Claims, path: readonly string[]): unknown {
  let at: unknown = claims;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}

/** A text, or a list of texts, as a list; anything else has none: numbers and objects match nothing. */
export function textsOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return [claim];
  return Array.isArray(claim) ? claim.filter((each) => typeof each === 'string') : [];
}
