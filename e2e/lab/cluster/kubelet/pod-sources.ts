// Fetches what a pod refers to: ConfigMaps, Secrets, and tokens of its service account that are bound to it.
// Used by pod-files.ts and pod-run.ts. What is missing is left out; whether that matters is decided where it is used.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { pathOf } from '@ambient-mesh/kube/kind';
import { configMaps, secrets, serviceAccounts } from '../kinds.ts';
import type { Pod } from '../objects.ts';
import type { Sources } from './environment.ts';
import { references, type TokenWish } from './volumes.ts';

export async function fetchSources(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<Sources> {
  const { namespace = '' } = pod.metadata;
  const wanted = references(pod);
  const maps = [...wanted.configMaps].map(
    async (name) => [name, (await client.get(configMaps, { namespace, name }, { signal }))?.data] as const,
  );
  const hidden = [...wanted.secrets].map(
    async (name) => [name, (await client.get(secrets, { namespace, name }, { signal }))?.data] as const,
  );
  return {
    configMaps: new Map((await Promise.all(maps)).flatMap(([name, data]) => (data === undefined ? [] : [[name, data] as const]))),
    secrets: new Map((await Promise.all(hidden)).flatMap(([name, data]) => (data === undefined ? [] : [[name, decoded(data)] as const]))),
  };
}

/** Values are read as text: in the lab, Secrets hold PEM and tokens. */
const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));

/** Whether the pod's containers get a token without asking for one: as the pod says, else as its service account does. */
export async function wantsApiAccess(client: KubeClient, { metadata, spec }: Pod, signal: AbortSignal): Promise<boolean> {
  if (spec.automountServiceAccountToken !== undefined) return spec.automountServiceAccountToken;
  // On a real API server, whose admission plugin is off, a pod that names no account has none.
  if (spec.serviceAccountName === undefined) return false;
  const key = { namespace: metadata.namespace ?? '', name: spec.serviceAccountName };
  return (await client.get(serviceAccounts, key, { signal }))?.automountServiceAccountToken ?? true;
}

export interface Token {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** TokenRequest for the pod's service account. Rejects with the client's errors. */
export async function requestToken(client: KubeClient, pod: Pod, { audience, seconds }: TokenWish, signal: AbortSignal): Promise<Token> {
  const { name, namespace = '', uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? 'default';
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: audience === '' ? undefined : [audience],
      expirationSeconds: seconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  };
  const path = pathOf(serviceAccounts, { namespace, name: account }, 'token');
  const about = `token for ${namespace}/${account}`;
  const { status } = (await client.request({ verb: 'create', about, method: 'POST', path, body }, { signal })) as {
    readonly status: { readonly token: string; readonly expirationTimestamp: string };
  };
  return { text: status.token, expires: Date.parse(status.expirationTimestamp) };
}
