// Reads the body of a request: bounded, as JSON, YAML or, for built-in kinds, protobuf.
// Used by everything in this folder that takes a body. CBOR is refused with the words that make clients fall back to JSON.
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import type { Json } from '../patch/json.ts';
import { decodeKubernetes } from '../protobuf/decode.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '../status-error.ts';

/** As the API server's own limit. */
const maxBytes = 3 * 1_024 * 1_024;

async function readBytes(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(`Request entity is too large: limit is ${maxBytes}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export const readText = async (incoming: IncomingMessage): Promise<string> => (await readBytes(incoming)).toString();

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaTypeOf = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Undefined when there is no body. */
export async function readBody(incoming: IncomingMessage): Promise<Json | undefined> {
  const bytes = await readBytes(incoming);
  if (bytes.length === 0) return undefined;
  const type = mediaTypeOf(incoming);
  if (type === 'application/vnd.kubernetes.protobuf') return decodeKubernetes(bytes) ?? refuseProtobuf();
  const text = bytes.toString();
  if (type === '' || type === 'application/json') return parseJson(text);
  if (type === 'application/yaml') return parseYaml(text);
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
  );
}

function refuseProtobuf(): never {
  throw badRequest('the body is not the protobuf form of a kind that is known here');
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
