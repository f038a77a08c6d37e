// What rules of a VirtualService do to requests on their way: faults, CORS, redirects, rewrites, answers of their own. Pure.
// Used by virtual-http.ts, which puts them in order.
import type { Filter, PathEdit, PathMatch } from '@ambient-mesh/model/l7/route';
import type { VirtualCors, VirtualFault, VirtualHttpRoute, VirtualRedirect } from '../kinds/virtual-service.ts';
import { millisecondsOf, type RulePlace, refuse } from './virtual-place.ts';

type Filters = readonly Filter[];

/** Names that gRPC gives its statuses, by their numbers. */
const grpcStatuses: readonly string[] = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED'],
  ...['RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
];

export function faultFilter({ delay, abort }: VirtualFault, context: RulePlace): Filters {
  const say = (what: string) => context.problems.push(`${context.place}: ${what}`);
  const wait = delay && millisecondsOf(delay.fixed, 'fixedDelay', context);
  const slow = delay && wait !== undefined && delay.percent > 0 ? { share: shareOf(delay.percent), ms: wait } : undefined;
  if (delay?.percent === 0) say('its delay names no percentage, and so delays nothing');
  if (abort?.percent === 0) say('its abort names no percentage, and so aborts nothing');
  const wrong = abort && abort.percent > 0 ? abortOf(abort) : undefined;
  if (abort && abort.percent > 0 && wrong === undefined) say('its abort names neither an HTTP status nor a gRPC status that is known');
  return slow || wrong ? [{ filter: 'fault', ...(slow && { delay: slow }), ...(wrong && { abort: wrong }) }] : [];
}

function abortOf({ status, grpcStatus, percent }: NonNullable<VirtualFault['abort']>) {
  const share = shareOf(percent);
  if (status !== undefined) return status >= 200 && status <= 599 ? { share, status } : undefined;
  const number = grpcStatuses.indexOf(grpcStatus);
  return number < 0 ? undefined : { share, status: 200, grpcStatus: number };
}

const shareOf = (percent: number): number => Math.min(1, Math.max(0, percent / 100));

export function corsFilter(cors: VirtualCors | undefined, context: RulePlace): Filters {
  if (cors === undefined) return [];
  const { origins, credentials, methods, headers, expose } = cors;
  const maxAge = millisecondsOf(cors.maxAge, 'maxAge', context);
  return [
    {
      filter: 'cors',
      origins: origins.map((origin) => ('exact' in origin && origin.exact === '*' ? '*' : origin)),
      ...{ credentials, methods, headers, expose },
      ...(maxAge !== undefined && { maxAge: Math.floor(maxAge / 1_000) }),
    },
  ];
}

export function answerFilter(answer: VirtualHttpRoute['answer'], context: RulePlace): Filters {
  if (answer === undefined) return [];
  const { status, text, bytes } = answer;
  if (status < 200 || status > 599) return refuse(`${status} is no status of an answer`, context);
  const body = text ?? (bytes === undefined ? undefined : decoded(bytes));
  return [{ filter: 'respond', status, ...(body !== undefined && { body }), why: 'directResponse' }];
}

/** From base64; what is not base64 is no body. */
function decoded(bytes: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function redirectFilter(redirect: VirtualRedirect | undefined, dialled: number | undefined, context: RulePlace): Filters {
  if (redirect === undefined) return [];
  const { uri, authority, scheme, status } = redirect;
  if (!redirects.has(status)) return refuse(`${status} is no status of a redirect`, context);
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return refuse(`scheme ${scheme} is not known`, context);
  const [, hostname = authority, ofAuthority] = /^(.*[^:]):(\d{1,5})$/.exec(authority) ?? [];
  return [
    {
      filter: 'redirect',
      ...(scheme !== '' && { scheme }),
      ...(hostname !== '' && { hostname }),
      ...(ofAuthority === undefined ? portOf(redirect, dialled) : { port: Number(ofAuthority) }),
      ...(uri !== '' && { path: { full: uri } }),
      status,
    },
  ];
}

/** Where nothing is said, the port stays what the client wrote, and goes with the host that it was written for. */
function portOf({ port, derivePort, scheme, authority }: VirtualRedirect, dialled: number | undefined): RedirectPort {
  if (port !== undefined) return { port };
  // The model's own way, unless there is a scheme.
  if (derivePort === 'FROM_REQUEST_PORT') return scheme !== '' && dialled !== undefined ? { port: dialled } : {};
  return { portFrom: derivePort === 'FROM_PROTOCOL_DEFAULT' || authority !== '' ? 'scheme' : 'request' };
}

type RedirectPort = Pick<Extract<Filter, { readonly filter: 'redirect' }>, 'port' | 'portFrom'>;

/** A rewrite replaces the prefix that matched; where none did, the whole path, and where nothing was asked of the path, its first slash. */
export function rewriteFilter(rewrite: VirtualHttpRoute['rewrite'], matched: PathMatch | undefined): Filters {
  if (rewrite === undefined) return [];
  const { uri, authority, regex } = rewrite;
  const path: PathEdit | undefined = regex ? { regex: regex.match, by: regex.by } : uri === '' ? undefined : replace(uri, matched);
  return [{ filter: 'rewrite', ...(authority !== '' && { hostname: authority }), ...(path && { path }) }];
}

function replace(by: string, matched: PathMatch | undefined): PathEdit {
  if (matched === undefined) return { prefix: '/', by, whole: 'characters' };
  return 'start' in matched ? { prefix: matched.start, by, whole: 'characters' } : { full: by };
}
