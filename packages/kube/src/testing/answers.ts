// How the test's API server (api-server.ts) reads requests and writes answers.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Answer {
  readonly code: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function answer(response: ServerResponse, { code, body, headers }: Answer): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A refusal as the API writes it. */
export function statusAnswer(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { code, headers, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `test: ${reason}` } };
}

export async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text === '' ? undefined : JSON.parse(text);
}
