// A single GET with the kubeconfig that the CNI agent leaves for its plugin, over Node's own HTTPS.
// For a process that lives for milliseconds: neither the client library nor undici is loaded. Whatever lives longer uses client.ts.
import type { IncomingMessage } from 'node:http';
import { readJson } from './answer.ts';
import type { Access } from './credentials.ts';
import { asKubeError, noAccess } from './errors.ts';
import { isObject, objectOf, type RawObject, textOf } from './raw.ts';

/**
 * Reads the one form that the agent writes: JSON, one cluster with its authority and one user with a token.
 * @throws MeshError `kube.access` for any other.
 */
export function leftAccess(text: string, path: string): Access {
  const config = parse(text, path);
  const cluster = objectOf(objectOf(firstOf(config.clusters)).cluster);
  const token = textOf(objectOf(objectOf(firstOf(config.users)).user).token);
  const authority = textOf(cluster['certificate-authority-data']);
  const server = URL.parse(textOf(cluster.server));
  if (server?.protocol !== 'https:' || authority === '' || token === '')
    throw noAccess(`the kubeconfig ${path} lacks a server (https), its authority or a token`);
  const ca = Buffer.from(authority, 'base64').toString('utf8');
  return {
    server: server.href.replace(/\/+$/, ''),
    namespace: 'default',
    credentials: async () => ({ headers: { authorization: `Bearer ${token}` }, tls: { ca } }),
  };
}

/** The object at `path`. @throws MeshError of KubeFault, also when the signal aborts. */
export async function getOnce(access: Access, path: string, signal: AbortSignal): Promise<unknown> {
  const what = `GET ${path}`;
  const { headers, tls } = await access.credentials(false);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // Not imported: loading it takes 8 ms, and the plugin looks for itself only when its agent is away.
      const { request } = process.getBuiltinModule('node:https');
      const options = { ...tls, headers: { accept: 'application/json', ...headers }, agent: false, signal };
      request(new URL(access.server + path), options, resolve)
        .on('error', reject)
        .end();
    });
    return await readJson({ statusCode: response.statusCode ?? 0, headers: response.headers, body: response }, what);
  } catch (e) {
    throw asKubeError(what, signal.aborted ? signal.reason : e);
  }
}

function parse(text: string, path: string): RawObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Said below.
  }
  throw noAccess(`the kubeconfig ${path} is no JSON object`);
}

const firstOf = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined);
