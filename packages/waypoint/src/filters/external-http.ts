// Asks an external authorization service over HTTP: the request's head goes there, 200 means yes (facts: control-plane §6.4).
// Called by external-authorization.ts, which decides what an answer or the lack of one means.
import type { ExternalAuthorization } from '@ambient-mesh/model/l7/settings';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { CheckAnswer, HeaderChange } from '@ambient-mesh/wire/external/check';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import type { Call, CallAnswer, CallFault } from './call.ts';
import { changedHeaders, isSayable } from './header-changes.ts';
import { type Asking, partialBody, type Question } from './question.ts';

/** Always told beside what the settings name. */
const alwaysTold = ['authorization'];
/** With a list of what a refusal may say, these come along. */
const alwaysSaid = ['www-authenticate', 'location'];

/** Rejects when there is no answer, and for a status of 500 and more. */
export async function askByHttp(call: Call, { settings, question, signal }: Asking): Promise<CheckAnswer> {
  const { request, body } = question;
  if (request === undefined)
    throw new MeshError<CallFault>({ code: 'call.failed' }, 'a connection that is not HTTP cannot be asked about over HTTP');
  const answer = await call(settings, {
    protocol: 'http1',
    method: request.method,
    authority: request.host,
    path: `${settings.pathPrefix}${request.path}`,
    headers: headersFor(settings, request.headers, body),
    body: body?.bytes ?? new Uint8Array(),
    timeout: settings.timeout,
    signal,
  });
  if (answer.status >= 500) throw new MeshError<CallFault>({ code: 'call.failed', status: answer.status }, `HTTP status ${answer.status}`);
  return answer.status === 200 ? consent(settings, answer) : refusal(settings, answer);
}

function headersFor(settings: ExternalAuthorization, headers: HeaderList, body: Question['body']): HeaderList {
  const told = headers.filter(([name, value]) => named(name, [...alwaysTold, ...settings.includeRequestHeaders]) && isSayable(name, value));
  const added: readonly HeaderChange[] = settings.includeAdditionalHeaders.map(([name, value]) => [name.toLowerCase(), value, 'set']);
  return changedHeaders(told, [...partialBody(body), ...added]);
}

function consent(settings: ExternalAuthorization, { headers }: CallAnswer): CheckAnswer {
  const upstream = headers.filter(([name]) => named(name, settings.headersToUpstreamOnAllow));
  const request = upstream.map(([name, value], at): HeaderChange => {
    const again = upstream.findIndex(([each]) => each === name) < at;
    return [name, value, again ? 'add' : 'set'];
  });
  const response = headers.filter(([name]) => named(name, settings.headersToDownstreamOnAllow));
  return { allow: true, request, removed: [], response: response.map(([name, value]) => [name, value, 'add']) };
}

function refusal({ headersToDownstreamOnDeny: listed }: ExternalAuthorization, { status, headers, body }: CallAnswer): CheckAnswer {
  const said = listed.length === 0 ? headers : headers.filter(([name]) => named(name, [...alwaysSaid, ...listed]));
  return { allow: false, status, headers: said.map(([name, value]) => [name, value, 'add']), body: Buffer.from(body).toString() };
}

/** `patterns`: lower case, may begin or end with `*`. */
const named = (name: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => {
    if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
    return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  });
