// Access by a kubeconfig: certificates, tokens, exec plugins and providers, as the Kubernetes client library understands them.
// Loaded only when one is used (access.ts): the library's configuration brings its whole generated API along.
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Access, Credentials } from './credentials.ts';
import { noAccess } from './errors.ts';

export interface Kubeconfig {
  /** Default: `~/.kube/config`. */
  readonly path: string | undefined;
  /** Default: the file's current context. */
  readonly context: string | undefined;
}

export async function kubeconfigAccess({ path = join(homedir(), '.kube', 'config'), context }: Kubeconfig): Promise<Access> {
  let config = read(path, context);
  const cluster = config.getCurrentCluster();
  const name = config.getCurrentContext();
  if (cluster === null || config.getCurrentUser() === null) {
    throw noAccess(`the context ${JSON.stringify(name)} of ${path} is missing, or its cluster or its user is`);
  }
  if (cluster.proxyUrl !== undefined)
    throw noAccess(`the context ${JSON.stringify(name)} of ${path} asks for a proxy, which we cannot use`);
  return {
    server: cluster.server,
    namespace: config.getContextObject(name)?.namespace || 'default',
    credentials: async (afresh) => {
      // The library remembers tokens of files and plugins by itself; only a new configuration forgets them.
      if (afresh) config = read(path, context);
      return credentialsOf(config, path);
    },
  };
}

function read(path: string, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (e) {
    throw noAccess(`the kubeconfig ${path} cannot be read`, e);
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

async function credentialsOf(config: KubeConfig, path: string): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (e) {
    throw noAccess(`the credentials of ${path} cannot be had`, e);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim();
  if (typeof options.auth === 'string') headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { rejectUnauthorized, servername } = options;
  return { headers, tls: { ca: pem(options.ca), cert: pem(options.cert), key: pem(options.key), servername, rejectUnauthorized } };
}

/** The library gives a file's bytes, or the text that a plugin printed. */
const pem = (material: unknown): string | undefined =>
  typeof material === 'string' || Buffer.isBuffer(material) ? material.toString() : undefined;
