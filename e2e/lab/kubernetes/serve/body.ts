// Reads the body of a request: bounded, as JSON or YAML.
// Used by resources.ts. Protobuf and CBOR are refused with the words that make clients fall back to JSON.
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import type { Json } from '../patch/json.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '../status-error.ts';

/** As the API server's own limit. */
const maxBytes = 3 * 1_024 * 1_024;

export async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(`Request entity is too large: limit is ${maxBytes}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaTypeOf = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Undefined when there is no body. */
export async function readBody(incoming: IncomingMessage): Promise<Json | undefined> {
  const text = await readText(incoming);
  if (text === '') return undefined;
  const type = mediaTypeOf(incoming);
  if (type === '' || type === 'application/json') return parseJson(text);
  if (type === 'application/yaml') return parseYaml(text);
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
  );
}

export function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw badRequest(`couldn't get version/kind; json parse error: ${e instanceof Error ? e.message : String(e)}`);
  }
}

/** JSON is YAML, but much faster to read as JSON. */
export function parseYaml(text: string): Json {
  if (text.trimStart().startsWith('{')) return parseJson(text);
  try {
    return parse(text) as Json;
  } catch (e) {
    throw badRequest(`error decoding YAML: ${e instanceof Error ? e.message : String(e)}`);
  }
}
