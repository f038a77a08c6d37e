// Where in a request tokens may be, and how they are taken out of it (facts: control-plane §6.3). Pure.
// Used by the waypoint's token check, and by whoever explains what that will say.
import type { JwtRule } from './policy.ts';
import type { Headers } from './request-facts.ts';

export interface TokenRequest {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Headers;
}

export interface FoundToken {
  readonly token: string;
  /** How the request looks without it: the name of a header that goes, or of a query parameter. Tokens in cookies stay. */
  readonly header?: string;
  readonly parameter?: string;
}

type Places = Pick<JwtRule, 'fromHeaders' | 'fromParams' | 'fromCookies'>;

/** What applies when a rule names no place. */
const usual: Places = { fromHeaders: [{ name: 'authorization', prefix: 'Bearer ' }], fromParams: ['access_token'], fromCookies: [] };

export const placesOf = (rule: Places): Places =>
  rule.fromHeaders.length + rule.fromParams.length + rule.fromCookies.length === 0 ? usual : rule;

export function tokensIn({ headers, path }: TokenRequest, places: Places): readonly FoundToken[] {
  const found: FoundToken[] = [];
  for (const { name, prefix } of places.fromHeaders) {
    const header = name.toLowerCase();
    for (const value of valuesOf(headers, header)) {
      // The scheme of Authorization has no case (RFC 9110 §11.1): a token that we pass over may still count for the server.
      if (value.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase())
        found.push({ token: value.slice(prefix.length).trim(), header });
    }
  }
  if (places.fromParams.length > 0 && path.includes('?')) {
    const query = new URLSearchParams(path.slice(path.indexOf('?')));
    for (const parameter of places.fromParams) for (const token of query.getAll(parameter)) found.push({ token, parameter });
  }
  if (places.fromCookies.length > 0) {
    const cookies = valuesOf(headers, 'cookie').flatMap((line) => line.split(';').map(pairOf));
    for (const wanted of places.fromCookies) for (const [name, token] of cookies) if (name === wanted) found.push({ token });
  }
  return found;
}

/** The path without those query parameters; everything else as it was written. */
export function withoutParameters(path: string, names: readonly string[]): string {
  const question = path.indexOf('?');
  if (question < 0 || names.length === 0) return path;
  const kept = path
    .slice(question + 1)
    .split('&')
    .filter((pair) => ![...new URLSearchParams(pair).keys()].some((name) => names.includes(name)));
  return kept.length === 0 ? path.slice(0, question) : `${path.slice(0, question)}?${kept.join('&')}`;
}

const valuesOf = (headers: Headers, name: string): readonly string[] => headers.filter(([each]) => each === name).map(([, value]) => value);

function pairOf(pair: string): readonly [name: string, value: string] {
  const equals = pair.indexOf('=');
  return equals < 0
    ? ['', '']
    : [
        pair.slice(0, equals).trim(),
        pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      ];
}
