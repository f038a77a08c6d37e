// Assembles the `/config_dump` document, in the shape that `istioctl ztunnel-config` and `ambientctl` read.
// The mesh's own part comes from model/config-dump; certificates and pods are shaped here, the rest is passed in.
// Never holds a private key: only what a peer would see anyway.
import { X509Certificate } from 'node:crypto';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { OpenConnection } from '../connections.ts';

/** One identity in the certificate cache. */
export interface CertificateState {
  readonly identity: string;
  /** Why there is none yet; absent while it is being fetched for the first time, and when there is one. */
  readonly unavailable?: string | undefined;
  readonly credentials?: Pick<Credentials, 'certChainPem' | 'rootsPem'> | undefined;
}

/** One pod that the CNI agent announced. */
export interface PodState {
  readonly uid: string;
  readonly state: 'Pending' | 'Up';
  readonly info: { readonly name: string; readonly namespace: string; readonly serviceAccount: string };
  readonly connections?: { readonly inbound: readonly OpenConnection[]; readonly outbound: readonly OpenConnection[] } | undefined;
}

export interface DumpPorts {
  /** `workloads`, `services`, `policies`, `stagedServices` as they are to be shown. */
  readonly mesh: () => Readonly<Record<string, unknown>>;
  readonly certificates: () => readonly CertificateState[];
  /** Undefined in dedicated mode, which has no pods. */
  readonly pods: (() => Promise<readonly PodState[]>) | undefined;
  /** The local file's `{workloads, policies, services}`; undefined without one. */
  readonly staticConfig: unknown;
  readonly version: Readonly<Record<string, string>>;
  /** The effective configuration as it is to be shown. */
  readonly config: Readonly<Record<string, unknown>>;
}

export async function configDump(ports: DumpPorts): Promise<string> {
  const pods = await ports.pods?.();
  const dump = {
    ...ports.mesh(),
    certificates: ports.certificates().map(certificateJson).sort(byText((c) => c.identity)),
    config: ports.config,
    staticConfig: ports.staticConfig,
    version: ports.version,
    workloadState: pods && Object.fromEntries(pods.map(({ uid, state, info, connections }) => [uid, { state, connections, info }])),
  };
  return `${JSON.stringify(dump, sortedKeys, 2)}\n`;
}

function certificateJson({ identity, unavailable, credentials }: CertificateState): Readonly<Record<string, unknown>> & { readonly identity: string } {
  const state = credentials !== undefined ? 'Available' : unavailable === undefined ? 'Initializing' : `Unavailable: ${unavailable}`;
  return {
    identity,
    state,
    ...(credentials && { certChain: certificatesIn(credentials.certChainPem), rootCerts: credentials.rootsPem.flatMap(certificatesIn) }),
  };
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

function certificatesIn(pem: string): readonly unknown[] {
  return (pem.match(pemBlock) ?? []).map(certificateFacts);
}

/** A root that cannot be read (someone else wrote that file) is still listed, by its text. */
function certificateFacts(pem: string): unknown {
  const encoded = Buffer.from(pem).toString('base64');
  try {
    const certificate = new X509Certificate(pem);
    return {
      pem: encoded,
      serialNumber: BigInt(`0x${certificate.serialNumber}`).toString(),
      validFrom: wholeSeconds(certificate.validFromDate),
      expirationTime: wholeSeconds(certificate.validToDate),
    };
  } catch {
    return { pem: encoded };
  }
}

const wholeSeconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(byText(([key]) => key)));
}

/** By code unit, as every tool that sorts bytes does. */
function byText<T>(textOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const [x, y] = [textOf(a), textOf(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
}
