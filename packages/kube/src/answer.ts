// Reads what an API server answers to a call: bounded bytes, JSON, and refusals as faults.
// Used by client.ts; watches are read line by line (lines.ts).
import type { IncomingHttpHeaders } from 'node:http';
import { badAnswer, type KubeError, refused, tooLarge } from './errors.ts';
import { numberOf, objectOf, textOf } from './raw.ts';

/** 500 of the largest pods are about 10 MB. */
const longestAnswer = 128 * 1024 * 1024;
const longestRefusal = 256 * 1024;

export interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
}

/** The JSON of an answer. @throws MeshError of KubeFault for refusals and for what is no JSON; whatever the body throws. */
export async function readJson(answer: Answer, what: string): Promise<unknown> {
  if (answer.statusCode < 200 || answer.statusCode > 299) throw await readRefusal(answer, what);
  const text = await readText(answer.body, longestAnswer, what);
  try {
    return JSON.parse(text);
  } catch (e) {
    throw badAnswer(what, 'it is no JSON', e);
  }
}

/** The fault that a refusal stands for. What a proxy says in the server's place is quoted as text. */
export async function readRefusal({ statusCode, headers, body }: Answer, what: string): Promise<KubeError> {
  const text = await readText(body, longestRefusal, what);
  const status = objectOf(parse(text));
  return refused(what, {
    status: statusCode,
    reason: textOf(status.reason),
    message: textOf(status.message) || (status.kind === 'Status' ? '' : text.trim()),
    retryAfterSeconds: Number(headers['retry-after'] ?? numberOf(objectOf(status.details).retryAfterSeconds)),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(body: AsyncIterable<Buffer>, limitBytes: number, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limitBytes) throw tooLarge(what, limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString('utf8');
}
