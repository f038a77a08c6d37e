// Access from inside a pod: the address that Kubernetes puts into its environment, the files that it mounts.
// Used by access.ts. By hand rather than by the library, whose configuration loads its whole API (85 MB of memory, measured).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Access } from './credentials.ts';
import { noAccess } from './errors.ts';

export interface Place {
  readonly host: string;
  readonly port: string;
  /** Holds `token`, `ca.crt` and `namespace`; the first two are replaced while we run. */
  readonly folder: string;
}

const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Undefined outside a pod, and in one without a service account. */
export function inClusterPlace(env: NodeJS.ProcessEnv = process.env, folder = mounted): Place | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  return host && port && existsSync(join(folder, 'token')) ? { host, port, folder } : undefined;
}

/** Both files are read at every call: Kubernetes replaces a token long before it expires, so once a minute (transport.ts) is often enough. */
export async function inClusterAccess({ host, port, folder }: Place): Promise<Access> {
  const read = async (name: string): Promise<string> => {
    const path = join(folder, name);
    try {
      return (await readFile(path, 'utf8')).trim();
    } catch (e) {
      throw noAccess(`the service account's ${path} cannot be read`, e);
    }
  };
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: (await read('namespace').catch(() => '')) || 'default',
    credentials: async () => {
      const [token, ca] = await Promise.all([read('token'), read('ca.crt')]);
      return { headers: { authorization: `Bearer ${token}` }, tls: { ca } };
    },
  };
}
