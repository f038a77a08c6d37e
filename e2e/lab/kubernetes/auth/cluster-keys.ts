// The keys of one lab cluster: its authority, the server's and the administrator's certificates, and the key that signs service-account tokens.
// Made once per server and kept over its restarts, as files do for a real one. Certificates by @ambient-mesh/identity.
import { newRoot, signerOf, workloadShape } from '@ambient-mesh/identity/authority';
import { issueCertificate } from '@ambient-mesh/identity/issue';
import { type KeyPair, newKeyPair, privatePem } from '@ambient-mesh/identity/keys';
import { toPem } from '@ambient-mesh/identity/pem';
import type { Clock } from '@ambient-mesh/runtime/time';
import { stringify } from 'yaml';

export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface ClusterKeys {
  readonly caPem: string;
  readonly server: PemPair;
  /** In the group `system:masters`. */
  readonly admin: PemPair;
  readonly tokens: KeyPair;
}

const hourMs = 3_600_000;
const lifetimeMs = 365 * 24 * hourMs;

/** What clients call the server, whatever address they dial. */
export const serverName = 'kubernetes.default.svc';
const serverNames = ['kubernetes', 'kubernetes.default', serverName, `${serverName}.cluster.local`, 'localhost', '127.0.0.1', '::1'];

/** @param addresses IP addresses and names, beyond loopback, under which clients reach the server. */
export function newClusterKeys(clock: Pick<Clock, 'now'>, addresses: readonly string[]): ClusterKeys {
  const now = clock.now();
  const times = { notBefore: now - hourMs, notAfter: now + lifetimeMs };
  const authority = newRoot({ organization: 'ambient-mesh lab', commonName: 'kubernetes-ca', ...times });
  const issue = (subject: { organization?: string; commonName: string }, dnsNames: readonly string[]): PemPair => {
    const pair = newKeyPair();
    const shape = { ...workloadShape, ...times, subject, uris: [], dnsNames, publicKey: pair.publicKey };
    return { certPem: toPem(issueCertificate(shape, signerOf(authority)), 'CERTIFICATE'), keyPem: privatePem(pair.privateKey) };
  };
  return {
    caPem: authority.certPem,
    server: issue({ commonName: 'kube-apiserver' }, [...new Set([...serverNames, ...addresses])]),
    admin: issue({ organization: 'system:masters', commonName: 'kubernetes-admin' }, []),
    tokens: newKeyPair(),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig for the administrator. @param server `https://127.0.0.1:6443` */
export function kubeconfigFor({ caPem, admin }: ClusterKeys, server: string): string {
  const cluster = { server, 'certificate-authority-data': base64(caPem), 'tls-server-name': serverName };
  const user = { 'client-certificate-data': base64(admin.certPem), 'client-key-data': base64(admin.keyPem) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster }],
    users: [{ name: 'admin', user }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'admin' } }],
    'current-context': 'lab',
  });
}
