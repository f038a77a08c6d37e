// What a route's CORS filter answers to preflights, and adds to other responses (facts: gateway-api-mesh §3.5). Pure.
// Called by the waypoint. Origins that are not allowed get no CORS headers; saying no is the browser's part.
import type { Headers } from './request-facts.ts';
import type { Cors } from './route.ts';
import { compileText, type TextTest } from './text-match.ts';

export interface CorsRequest {
  readonly method: string;
  readonly headers: Headers;
}

const origins = new WeakMap<Cors, TextTest>();

/** The answer to a preflight; undefined for every other request. */
export function corsAnswer(cors: Cors, request: CorsRequest): { readonly status: number; readonly headers: Headers } | undefined {
  const method = headerOf(request, 'access-control-request-method');
  const origin = headerOf(request, 'origin');
  if (request.method !== 'OPTIONS' || origin === undefined || method === undefined) return undefined;
  if (!originTest(cors)(origin)) return { status: 200, headers: [] };
  const methods = listed(cors.methods, cors.credentials, method);
  const headers = listed(cors.headers, cors.credentials, headerOf(request, 'access-control-request-headers'));
  return {
    status: 200,
    headers: [
      ...allowed(cors, origin),
      ...(methods === undefined ? [] : [['access-control-allow-methods', methods] as const]),
      ...(headers === undefined ? [] : [['access-control-allow-headers', headers] as const]),
      ...(cors.maxAge === undefined ? [] : [['access-control-max-age', String(cors.maxAge)] as const]),
    ],
  };
}

/** What the response to any other request gets; it replaces what the application says of the same. */
export function corsHeaders(cors: Cors, request: CorsRequest): Headers {
  const origin = headerOf(request, 'origin');
  if (origin === undefined || !originTest(cors)(origin)) return [];
  const exposed = listed(cors.expose, cors.credentials, undefined);
  return [...allowed(cors, origin), ...(exposed === undefined ? [] : [['access-control-expose-headers', exposed] as const])];
}

/** Throws SyntaxError for an origin that cannot be used. Compiled once per filter. */
export function originTest(cors: Cors): TextTest {
  const known = origins.get(cors);
  if (known !== undefined) return known;
  const tests = cors.origins.map((origin) => (typeof origin === 'string' ? originPattern(origin) : compileText(origin)));
  const test: TextTest = (origin) => tests.some((each) => each(origin));
  origins.set(cors, test);
  return test;
}

function originPattern(origin: string): TextTest {
  if (origin === '*') return () => true;
  if (!origin.includes('*')) return (asked) => asked === origin;
  const quoted = origin.split('*').map((part) => part.replace(/[^A-Za-z0-9]/g, '\\$&'));
  return compileText({ regex: quoted.join('[A-Za-z0-9.\\-]+') });
}

/** Without credentials `*` stays `*`; with them no browser takes it, so the origin is named. */
function allowed({ origins: wanted, credentials }: Cors, origin: string): Headers {
  if (credentials)
    return [
      ['access-control-allow-origin', origin],
      ['access-control-allow-credentials', 'true'],
    ];
  return [['access-control-allow-origin', wanted.includes('*') ? '*' : origin]];
}

/** The header's value: with credentials `*` becomes what was asked for. Undefined: no header. */
function listed(values: readonly string[], credentials: boolean, asked: string | undefined): string | undefined {
  if (values.includes('*')) return credentials ? asked : '*';
  return values.length === 0 ? undefined : values.join(', ');
}

function headerOf({ headers }: CorsRequest, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}
