// Sends what a handler answered, or what it threw, as an HTTP response.
// The one place where errors become Status objects; called by kube-api.ts.
import type { ServerResponse } from 'node:http';
import { describeError } from '@ambient-mesh/runtime/errors';
import { internal, noSuchPath, StatusError } from '../status-error.ts';
import type { Reply } from './context.ts';

export function respond(response: ServerResponse, { status, body, type = 'application/json', warnings = [], headers = {} }: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(type === 'application/json' ? `${body}\n` : body);
  for (const text of warnings) response.appendHeader('warning', `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?'))}`);
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-cache, private',
    ...headers,
  });
  response.end(bytes);
}

export function respondError(response: ServerResponse, error: unknown): void {
  const status = error instanceof StatusError ? error : internal(describeError(error));
  // Too late for words: the client shall not take half an answer for a whole one.
  if (response.headersSent) return void response.destroy();
  if (status.reason === noSuchPath)
    return void respond(response, { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' });
  const { retryAfterSeconds } = status.details;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  respond(response, { status: status.code, body: JSON.stringify(status.toJson()), headers });
}
