// Reads request bodies in Kubernetes' protobuf form as the JSON that they stand for: typed Go clients send built-in kinds this way.
// Used by serve/body.ts. Answers are always JSON, which those clients take too. Whoever sends a body controls its bytes.
import type { Json, JsonObject } from '../patch/json.ts';
import { type Field, fieldsOf } from './fields.ts';
import { kinds, messages } from './generated/messages.ts';
import { type Part, readParts } from './wire.ts';

/** Before every body: tells protobuf from everything else. */
const magic = Buffer.from('k8s\0');

/** Undefined when it is no such body, is malformed, or is of a kind that is not known here. */
export function decodeKubernetes(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, magic.length).equals(magic)) return undefined;
  const envelope = readParts(body.subarray(magic.length));
  const type = textsOf(bytesAt(envelope, 1));
  const [apiVersion = '', kind = ''] = [type.get(1), type.get(2)];
  // Options of deletions are in every group.
  const message = kind === 'DeleteOptions' ? 'meta.DeleteOptions' : kinds[`${apiVersion}/${kind}`];
  const raw = bytesAt(envelope, 2);
  if (envelope === undefined || message === undefined || raw === undefined) return undefined;
  const object = decodeMessage(message, raw);
  return object && { apiVersion, kind, ...object };
}

const bytesAt = (parts: readonly Part[] | undefined, number: number): Buffer | undefined => {
  const value = parts?.find((part) => part.number === number)?.value;
  return Buffer.isBuffer(value) ? value : undefined;
};

function textsOf(bytes: Buffer | undefined): ReadonlyMap<number, string> {
  const parts = (bytes && readParts(bytes)) ?? [];
  return new Map(parts.map(({ number, value }) => [number, value.toString()]));
}

function decodeMessage(name: string, bytes: Buffer): JsonObject | undefined {
  const parts = readParts(bytes);
  const fields = fieldsOf(messages[name] ?? '');
  if (parts === undefined) return undefined;
  const object: JsonObject = {};
  for (const { number, value } of parts) {
    const field = fields.get(number);
    if (field !== undefined && !put(object, field, value)) return undefined;
  }
  return object;
}

/** @returns false when the value is not what the field holds. */
function put(object: JsonObject, field: Field, value: Part['value']): boolean {
  if (field.shape === 'map') return Buffer.isBuffer(value) && putEntry(object, field, value);
  const decoded = decodeValue(field.type, value);
  if (decoded === undefined) return false;
  if (field.name === '') Object.assign(object, decoded);
  else if (field.shape === 'list') object[field.name] = [...listOf(object[field.name]), decoded];
  else if (!isAbsent(field, decoded)) object[field.name] = decoded;
  return true;
}

const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

/** Go writes fields that are not pointers even when nobody set them. */
const isAbsent = ({ isPointer }: Field, value: Json): boolean =>
  value === null || (!isPointer && (value === '' || value === 0 || value === false));

function putEntry(object: JsonObject, { name, type }: Field, bytes: Buffer): boolean {
  const parts = readParts(bytes);
  const key = bytesAt(parts, 1)?.toString() ?? '';
  const decoded = decodeValue(type, parts?.find(({ number }) => number === 2)?.value ?? Buffer.alloc(0));
  if (parts === undefined || decoded === undefined) return false;
  const entries = object[name];
  const map = typeof entries === 'object' && entries !== null && !Array.isArray(entries) ? entries : {};
  Object.defineProperty(map, key, { value: decoded, writable: true, enumerable: true, configurable: true });
  object[name] = map;
  return true;
}

/** null = absent; undefined = malformed. */
function decodeValue(type: string, value: Part['value']): Json | undefined {
  switch (type) {
    case 'int':
      return typeof value === 'bigint' ? Number(value) : undefined;
    case 'bool':
      return typeof value === 'bigint' ? value !== 0n : undefined;
  }
  if (!Buffer.isBuffer(value)) return undefined;
  switch (type) {
    case 'string':
      return value.toString();
    case 'bytes':
      return value.toString('base64');
    case 'quantity':
      return textsOf(value).get(1) ?? '0';
    case 'time':
    case 'microtime':
      return decodeTime(value, type);
    case 'intstr':
      return decodeIntOrString(value);
    case 'raw':
      return decodeJson(bytesAt(readParts(value), 1));
    case 'strings':
      return (readParts(value) ?? []).filter(({ number }) => number === 1).map(({ value: item }) => item.toString());
    default:
      return type.includes('.') ? decodeMessage(type, value) : undefined;
  }
}

/** {seconds, nanoseconds} since 1970; empty = no time. */
function decodeTime(bytes: Buffer, type: 'time' | 'microtime'): Json | undefined {
  const parts = readParts(bytes);
  if (parts === undefined) return undefined;
  const at = (number: number): number => Number(parts.find((part) => part.number === number)?.value ?? 0);
  if (parts.length === 0) return null;
  const date = new Date(at(1) * 1_000);
  if (Number.isNaN(date.getTime())) return undefined;
  const fraction = type === 'time' ? '' : `.${String(Math.trunc(at(2) / 1_000)).padStart(6, '0')}`;
  return date.toISOString().replace(/\.\d+Z$/, `${fraction}Z`);
}

/** {0 = number or 1 = text, number, text} */
function decodeIntOrString(bytes: Buffer): Json | undefined {
  const parts = readParts(bytes);
  const at = (number: number): Part['value'] | undefined => parts?.find((part) => part.number === number)?.value;
  if (parts === undefined) return undefined;
  return Number(at(1) ?? 0) === 1 ? (at(3)?.toString() ?? '') : Number(at(2) ?? 0);
}

function decodeJson(bytes: Buffer | undefined): Json | undefined {
  try {
    return bytes === undefined ? null : JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
