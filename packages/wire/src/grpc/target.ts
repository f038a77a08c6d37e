// Where a gRPC server of the control plane is, and what proves either side to the other: root certificates, bearer token.
// Files are read anew for every connection or call (tokens and roots rotate under a running process); nothing here is cached.
// Used by xds/client.ts and ca/client.ts. The environment variables behind it are the program's business.
import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { readToken } from '@ambient-mesh/identity/token';
import type { Family } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';

/** Roots that the server's certificate must chain to; a literal is PEM text, `system` the trust store of the operating system. */
export type RootSource = { readonly file: string } | { readonly literal: string } | { readonly system: true };
export type TokenSource = { readonly file: string } | { readonly literal: string };

export interface GrpcTarget {
  /** DNS name or IP literal (IPv6 without brackets): SNI, `:authority`, and the name that the certificate must carry. */
  readonly host: string;
  readonly port: number;
  readonly root: RootSource;
  /** A second DNS name that the certificate may carry instead. */
  readonly altHostname?: string;
  /** Absent: calls carry no `authorization`. */
  readonly token?: TokenSource;
  /** A TCP socket of this family, not connected, to dial with: marked, for instance. Absent: the kernel's defaults. May throw. */
  readonly socket?: (family: Family) => number;
  /** Further metadata of every call (`clusterid`, XDS_HEADER_*); names are sent in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface TargetFault {
  readonly code: 'grpc.root';
  readonly file?: string;
}

/** `istiod.istio-system.svc:15012`, with or without `https://`, default port 443. Undefined if it is no such address: clear-text HTTP is refused. */
export function parseTarget(address: string): Pick<GrpcTarget, 'host' | 'port'> | undefined {
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  if (url?.protocol !== 'https:' || url.hostname === '' || url.username !== '' || url.password !== '') return undefined;
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 443 : Number(url.port) };
}

/** PEM text. Throws a MeshError `grpc.root` if the file cannot be read or there is no certificate in it. */
export async function readRoot(source: RootSource): Promise<string> {
  if ('system' in source) return getCACertificates('system').join('\n');
  const pem = 'file' in source ? await readRootFile(source.file) : source.literal;
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  if ('file' in source)
    throw new MeshError<TargetFault>({ code: 'grpc.root', file: source.file }, `${source.file} holds no PEM certificate`);
  throw new MeshError<TargetFault>({ code: 'grpc.root' }, 'the root certificates are neither an existing file nor PEM text');
}

async function readRootFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1');
  } catch (cause) {
    throw new MeshError<TargetFault>({ code: 'grpc.root', file }, `cannot read root certificates from ${file}`, cause);
  }
}

/** The metadata of a call made now. Throws identity/token's faults if the token's file cannot be read or is empty. */
export async function callHeaders(target: GrpcTarget): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of target.headers) headers[name.toLowerCase()] = value;
  const { token } = target;
  if (token !== undefined) headers.authorization = `Bearer ${'file' in token ? await readToken(token.file) : token.literal}`;
  return headers;
}
