// The format of lines in an access log, in Envoy's language of operators (`%RESPONSE_CODE%`, `%REQ(X?Y)%`), compiled once to a function. Pure.
// Used by chain-telemetry.ts; without a format of the user's the lines are Istio's (facts: control-plane §6.8), with a word more for audited requests.
import { formatSocket } from '@ambient-mesh/model/address';
import { type Entry, headerIn, localAddress, upstreamCluster, upstreamHost } from './entry.ts';
import { formatTime } from './format-time.ts';

/** A whole line, its end included. */
export type Format = (entry: Entry) => string;
type Value = string | number | boolean | undefined;
type Read = (entry: Entry) => Value;

const usualText =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% ' +
  '%CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" ' +
  '"%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ' +
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%';

const usualJson: Readonly<Record<string, string>> = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  grpc_status: '%GRPC_STATUS_NUMBER%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  upstream_request_attempt_count: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  downstream_peer_principal: '%DOWNSTREAM_PEER_URI_SAN%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  route_name: '%ROUTE_NAME%',
};

/** Lines of audited requests say so even where the format does not. */
const mark: Readonly<Record<'TEXT' | 'JSON', string>> = { TEXT: ' access_log_hint=true', JSON: ',"access_log_hint":true}' };

export function defaultFormat(encoding: 'TEXT' | 'JSON'): Format {
  const line = encoding === 'TEXT' ? textOf(piecesOf(usualText)) : jsonOf(usualJson);
  return encoding === 'TEXT'
    ? (entry) => `${line(entry)}${entry.audited ? mark.TEXT : ''}\n`
    : (entry) => `${entry.audited ? line(entry).slice(0, -1) + mark.JSON : line(entry)}\n`;
}

/** Undefined: the format cannot be read. */
export function compileFormat(encoding: 'TEXT' | 'JSON', format: string | undefined): Format | undefined {
  if (format === undefined || format === '') return defaultFormat(encoding);
  if (encoding === 'JSON') {
    const template = parsed(format);
    if (typeof template !== 'object' || template === null) return undefined;
    const line = jsonOf(template);
    return (entry) => `${line(entry)}\n`;
  }
  // Envoy ends no line by itself; one that has no end would run into the next.
  return textOf(piecesOf(format.endsWith('\n') ? format : `${format}\n`));
}

type Piece = string | { readonly read: Read; readonly most: number | undefined };

/** `%NAME%`, `%NAME(what)%`, `%NAME(what):most octets%`, and `%%` for a percent sign. */
const operator = /%([A-Z][A-Z_0-9]*)(?:\(((?:[^)%]|%[^)])*)\))?(?::(\d{1,6}))?%|%%/g;

function piecesOf(format: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of format.matchAll(operator)) {
    const [whole, name, argument = '', most] = match;
    if (match.index > at) pieces.push(format.slice(at, match.index));
    at = match.index + whole.length;
    if (name === undefined) pieces.push('%');
    else pieces.push({ read: operatorNamed(name, argument), most: most === undefined ? undefined : Number(most) });
  }
  if (at < format.length) pieces.push(format.slice(at));
  return pieces;
}

const cut = ({ read, most }: Exclude<Piece, string>, entry: Entry): Value => {
  const value = read(entry);
  return typeof value === 'string' && most !== undefined ? value.slice(0, most) : value;
};

/** What clients and endpoints said must not end the line or the quotes around it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /["\\\0-\x1f\x7f\u0085\u2028\u2029]/g;
const escaped = (text: string): string => text.replace(unsafe, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

function textOf(pieces: readonly Piece[]): Format {
  return (entry) => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : escaped(shown(cut(piece, entry)));
    return line;
  };
}

const shown = (value: Value): string => (value === undefined || value === '' ? '-' : String(value));

/** A value that is one operator keeps its type. */
function jsonOf(template: unknown): Format {
  const made = templateOf(template, 0);
  return (entry) => JSON.stringify(made(entry));
}

/** Deeper than anybody writes, and far from what a stack holds. */
const deepest = 16;

function templateOf(template: unknown, depth: number): (entry: Entry) => unknown {
  if (typeof template === 'string') {
    const pieces = piecesOf(template);
    const [only] = pieces;
    if (pieces.length === 1 && typeof only === 'object') return (entry) => cut(only, entry) ?? null;
    return (entry) => pieces.map((piece) => (typeof piece === 'string' ? piece : shown(cut(piece, entry)))).join('');
  }
  if (typeof template !== 'object' || template === null) return () => template;
  if (depth >= deepest) return () => null;
  if (Array.isArray(template)) {
    const each = template.map((one) => templateOf(one, depth + 1));
    return (entry) => each.map((make) => make(entry));
  }
  const fields = Object.entries(template).map(([name, value]) => [name, templateOf(value, depth + 1)] as const);
  return (entry) => Object.fromEntries(fields.map(([name, make]) => [name, make(entry)]));
}

function parsed(format: string): unknown {
  try {
    return JSON.parse(format);
  } catch {
    return undefined;
  }
}

const hostOf = (address: string): string => address.replace(/:\d+$/, '');
const header = (argument: string, read: (entry: Entry, name: string) => Value): Read => {
  const [first = '', second] = argument.toLowerCase().split('?');
  return (entry) => read(entry, first) ?? (second === undefined ? undefined : read(entry, second));
};

function requestHeader({ head, originalPath }: Entry, name: string): Value {
  switch (name) {
    case ':method':
      return head?.method;
    case ':path':
      return head?.path;
    case ':authority':
    case 'host':
      return head?.authority;
    case ':scheme':
      return head?.scheme;
    case 'x-envoy-original-path':
      return headerIn(head?.headers, name) ?? (head === undefined || originalPath === head.path ? undefined : originalPath);
    default:
      return headerIn(head?.headers, name);
  }
}

const failedUpstream = ({ flags, reason }: Entry): Value => (flags.includes('UF') || flags.includes('UC') ? reason : undefined);
const hint = 'envoy.common:access_log_hint';

const operators: Readonly<Record<string, (argument: string) => Read>> = {
  START_TIME: (format) => (entry) => formatTime(entry.startTime, format),
  REQ: (names) => header(names, requestHeader),
  RESP: (names) => header(names, ({ answerHeaders }, name) => headerIn(answerHeaders, name)),
  PROTOCOL: () => (entry) => (entry.head === undefined ? undefined : entry.version),
  RESPONSE_CODE: () => (entry) => entry.status,
  RESPONSE_FLAGS: () => (entry) => entry.flags.join(',') || '-',
  RESPONSE_CODE_DETAILS: () => (entry) => entry.details.replace(/\s+/g, '_'),
  CONNECTION_TERMINATION_DETAILS: () => (entry) => (entry.head === undefined && entry.reason !== '' ? entry.reason : undefined),
  UPSTREAM_TRANSPORT_FAILURE_REASON: () => failedUpstream,
  BYTES_RECEIVED: () => (entry) => entry.requestBytes,
  BYTES_SENT: () => (entry) => entry.responseBytes,
  DURATION: () => (entry) => Math.round(entry.milliseconds),
  UPSTREAM_HOST: () => upstreamHost,
  UPSTREAM_REMOTE_ADDRESS: () => upstreamHost,
  UPSTREAM_CLUSTER: () => upstreamCluster,
  UPSTREAM_CLUSTER_RAW: () => upstreamCluster,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: () => (entry) => entry.attempts,
  DOWNSTREAM_REMOTE_ADDRESS: () => (entry) => formatSocket(entry.inlet.from),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: () => (entry) => entry.inlet.from.ip,
  DOWNSTREAM_REMOTE_PORT: () => (entry) => entry.inlet.from.port,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: () => (entry) => formatSocket(entry.inlet.from),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: () => (entry) => entry.inlet.from.ip,
  DOWNSTREAM_LOCAL_ADDRESS: () => localAddress,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: () => (entry) => hostOf(localAddress(entry)),
  DOWNSTREAM_LOCAL_PORT: () => (entry) => entry.inlet.port,
  DOWNSTREAM_PEER_URI_SAN: () => (entry) => entry.inlet.client.uri,
  REQUESTED_SERVER_NAME: () => (entry) => entry.inlet.facts.sni.replace(/\s/g, '_'),
  ROUTE_NAME: () => (entry) => entry.route || undefined,
  GRPC_STATUS_NUMBER: () => (entry) => entry.grpcStatus,
  GRPC_STATUS: () => (entry) => entry.grpcStatus,
  TRACE_ID: () => (entry) => entry.traceId,
  DYNAMIC_METADATA: (what) => (entry) => (what === hint && entry.audited ? true : undefined),
};

/** What we do not know is as empty as what is not there. */
const operatorNamed = (name: string, argument: string): Read =>
  (Object.hasOwn(operators, name) ? operators[name]?.(argument) : undefined) ?? (() => undefined);
