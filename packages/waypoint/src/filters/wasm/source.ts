// Where the modules of plugins come from: files and URLs; checked, bounded, compiled once for the same octets.
// One per waypoint, asked by plugin.ts whenever a plugin is to be started. Nothing is run here.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { FetchBytes } from '../../dispatch/fetch-text.ts';
import { limitModule } from './module-limits.ts';

export type SourceFault = { readonly code: 'plugin.source' };

const mostBytes = 20 << 20;
const memoryBytes = 64 << 20;
const fetchTimeout = 30_000;
/** Compiled modules kept; of more, those not used for longest are forgotten. */
const mostModules = 16;

/** Programs on this very pod, and the services of clouds that know secrets of the machine. */
const forbidden = new BlockList();
forbidden.addSubnet('127.0.0.0', 8);
forbidden.addSubnet('169.254.0.0', 16);
forbidden.addAddress('0.0.0.0');
forbidden.addAddress('::1', 'ipv6');
forbidden.addAddress('::', 'ipv6');
forbidden.addSubnet('fe80::', 10, 'ipv6');

export class ModuleSource {
  readonly #fetch: FetchBytes;
  readonly #compiled = new Map<string, Promise<WebAssembly.Module>>();

  constructor(fetch: FetchBytes) {
    this.#fetch = fetch;
  }

  /** @throws MeshError<SourceFault>, what fetching throws, or the engine's word on a module that is not valid. */
  async load({ url, sha256 }: Pick<WasmFilter, 'url' | 'sha256'>, signal: AbortSignal): Promise<WebAssembly.Module> {
    const wanted = sha256?.toLowerCase();
    const kept = wanted === undefined ? undefined : this.#compiled.get(wanted);
    if (kept !== undefined) return kept;
    const bytes = await this.#read(url, signal);
    const sum = createHash('sha256').update(bytes).digest('hex');
    if (wanted !== undefined && sum !== wanted) throw refused(`the module has the checksum ${sum}, not the ${wanted} that it should have`);
    const compiled = this.#compiled.get(sum) ?? compile(bytes);
    this.#compiled.delete(sum);
    this.#compiled.set(sum, compiled);
    compiled.catch(() => this.#compiled.delete(sum));
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= mostModules) break;
      this.#compiled.delete(oldest);
    }
    return compiled;
  }

  #read(text: string, signal: AbortSignal): Promise<Buffer> {
    const url = URL.parse(text);
    switch (url?.protocol) {
      case 'file:':
        return readBounded(fileURLToPath(url));
      case 'http:':
      case 'https:':
        if (isForbidden(url.hostname)) throw refused(`modules are not fetched from ${url.hostname}`);
        return this.#fetch(text, { timeout: fetchTimeout, limitBytes: mostBytes, signal });
      case 'oci:':
        throw refused('modules in container images are not supported: serve the module over HTTP, or put it into a file');
      default:
        throw refused(`${JSON.stringify(text.slice(0, 200))} is no place that a module can come from`);
    }
  }
}

async function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  const limited = limitModule(bytes, memoryBytes);
  if ('unfit' in limited) throw refused(`the module cannot be used: ${limited.unfit}`);
  return WebAssembly.compile(limited.bytes);
}

async function readBounded(path: string): Promise<Buffer> {
  await using file = await open(path, 'r');
  const stat = await file.stat();
  if (!stat.isFile()) throw refused(`${path} is no file`);
  if (stat.size > mostBytes) throw refused(`${path} is longer than ${mostBytes >> 20} MB`);
  const bytes = Buffer.alloc(stat.size);
  const { bytesRead } = await file.read(bytes, 0, stat.size, 0);
  return bytes.subarray(0, bytesRead);
}

function isForbidden(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return host.includes(':') ? forbidden.check(host, 'ipv6') : /^[\d.]+$/.test(host) && forbidden.check(host);
}

const refused = (why: string): MeshError<SourceFault> => new MeshError({ code: 'plugin.source' }, why);
