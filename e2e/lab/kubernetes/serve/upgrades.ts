// Requests that want to become streams: exec, attach and portforward of a pod. Checks who asks for what, then hands the socket over.
// Called by kube-api.ts; the protocols on the stream are the pod runtime's affair.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { authenticate } from '../auth/authenticate.ts';
import type { PodUpgrade } from '../pod-runtime.ts';
import { forbidden, internal, notFound, resourceNotServed, StatusError, unauthorized } from '../status-error.ts';
import type { ServerParts } from './context.ts';
import { parseResourcePath } from './resource-path.ts';

const streams: readonly string[] = ['exec', 'attach', 'portforward'];
const isStream = (subresource: string): subresource is PodUpgrade['subresource'] => streams.includes(subresource);

/** Never throws: what is wrong is answered as plain HTTP. */
export function serveUpgrade(server: ServerParts, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  try {
    if (server.runtime === undefined) throw new StatusError(503, 'ServiceUnavailable', 'nobody runs pods here');
    server.runtime.upgrade({ ...accept(server, request), request, socket, head });
  } catch (e) {
    const status = e instanceof StatusError ? e : internal(String(e));
    const body = JSON.stringify(status.toJson());
    const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
    socket.end(`HTTP/1.1 ${status.code} ${status.reason}\r\n${headers}\r\n\r\n${body}`);
  }
}

function accept(server: ServerParts, request: IncomingMessage): Pick<PodUpgrade, 'subresource' | 'pod' | 'query'> {
  const user = authenticate(request, server.tokens);
  if (user === undefined) throw unauthorized();
  const [target = '/', search = ''] = (request.url ?? '/').split('?', 2);
  const path = parseResourcePath(target);
  if (path === undefined || path.group !== '' || path.plural !== 'pods' || !isStream(path.subresource)) throw resourceNotServed();
  const { namespace, name, subresource } = path;
  const pods = { group: '', plural: 'pods' };
  if (server.faults.forbid('create', `pods/${subresource}`, user, namespace))
    throw forbidden(
      pods,
      name,
      `User "${user.name}" cannot create resource "pods/${subresource}" in API group "" in the namespace "${namespace}"`,
    );
  const pod = server.store.get('pods', `${namespace}/${name}`)?.object;
  if (pod === undefined) throw notFound(pods, name);
  return { subresource, pod, query: new URLSearchParams(search) };
}
