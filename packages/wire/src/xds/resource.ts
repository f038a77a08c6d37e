// Resources as a server keeps them: encoded once, under a version that is a hash of their bytes, and copied into every response from there.
// Collections are the server's view of an index; whoever has one (istiod-lite) implements them, server.ts serves them.
import { hash } from 'node:crypto';

export interface Resource {
  readonly name: string;
  readonly version: string;
  /** A whole `Resource` message: name, version and body; no aliases. */
  readonly bytes: Uint8Array;
  /** Other names that on-demand clients know it by. */
  readonly aliases: readonly string[];
}

/** All resources of one type, as they are now. */
export interface Collection {
  readonly typeUrl: string;
  readonly size: number;
  all(): Iterable<Resource>;
  get(name: string): Resource | undefined;
  /** What a client that asks for this name gets: by name or alias, with everything that belongs to it. Empty: there is no such name. */
  lookUp(name: string): readonly Resource[];
  /** What clients on demand get of their own node unasked. */
  onNode(node: string): readonly Resource[];
  /** Names of what the resource of this name belongs to: whoever asked for one of those gets this one too. */
  backs(name: string): readonly string[];
}

/** 64 bits of the body's SHA-256, as text. */
export const versionOf = (body: Uint8Array): string => hash('sha256', body, 'base64url').slice(0, 11);

/** Fields of messages as the wire has them: number and type in one octet. */
const tag = { version: 0x0a, resource: 0x12, name: 0x1a, alias: 0x22, anyType: 0x0a, anyValue: 0x12 } as const;
const response = { resources: 0x12, typeUrl: 0x22, nonce: 0x2a, removed: 0x32 } as const;

export function encodeResource(typeUrl: string, name: string, version: string, body: Uint8Array): Uint8Array {
  const anyBytes = fieldBytes(Buffer.byteLength(typeUrl)) + fieldBytes(body.length);
  // Outside Node's pool: a resource lives long and must not keep a shared slab alive.
  const bytes = Buffer.allocUnsafeSlow(fieldBytes(version.length) + fieldBytes(anyBytes) + fieldBytes(Buffer.byteLength(name)));
  const to = new Writer(bytes);
  to.text(tag.version, version);
  to.length(tag.resource, anyBytes);
  to.text(tag.anyType, typeUrl);
  to.bytes(tag.anyValue, body);
  to.text(tag.name, name);
  return bytes;
}

export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly withAliases: boolean;
  readonly removed: readonly string[];
}

/** A DeltaDiscoveryResponse. */
export function encodeResponse({ typeUrl, nonce, resources, withAliases, removed }: DeltaResponse): Buffer {
  const aliasBytes = (resource: Resource): number => (withAliases ? sum(resource.aliases, textBytes) : 0);
  const total =
    sum(resources, (resource) => fieldBytes(resource.bytes.length + aliasBytes(resource))) +
    sum(removed, textBytes) +
    textBytes(typeUrl) +
    textBytes(nonce);
  const bytes = Buffer.allocUnsafe(total);
  const to = new Writer(bytes);
  for (const resource of resources) {
    to.length(response.resources, resource.bytes.length + aliasBytes(resource));
    to.raw(resource.bytes);
    if (withAliases) for (const alias of resource.aliases) to.text(tag.alias, alias);
  }
  to.text(response.typeUrl, typeUrl);
  to.text(response.nonce, nonce);
  for (const name of removed) to.text(response.removed, name);
  return bytes;
}

/** Octets of a field with this many octets of content and a number below 16. */
function fieldBytes(length: number): number {
  let bytes = 2 + length;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}

const textBytes = (text: string): number => fieldBytes(Buffer.byteLength(text));

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  let total = 0;
  for (const one of all) total += of(one);
  return total;
}

class Writer {
  readonly #to: Buffer;
  #at = 0;

  constructor(to: Buffer) {
    this.#to = to;
  }

  length(field: number, length: number): void {
    this.#to[this.#at++] = field;
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.#to[this.#at++] = (rest & 0x7f) | 0x80;
    this.#to[this.#at++] = rest;
  }

  text(field: number, text: string): void {
    this.length(field, Buffer.byteLength(text));
    this.#at += this.#to.write(text, this.#at);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.length(field, bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#to.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
