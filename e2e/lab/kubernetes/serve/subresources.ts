// Requests for subresources other than status: scale, token, finalize, binding, eviction, and a pod's logs.
// Called by resources.ts. Streams into pods (exec, attach, portforward) arrive as upgrades and go through upgrades.ts.
import { once } from 'node:events';
import { keyOfTarget, type Target } from '../cluster.ts';
import { listAt, textAt } from '../object.ts';
import type { Json } from '../patch/json.ts';
import { applyPatch } from '../patch/patch.ts';
import type { LogOptions } from '../pod-runtime.ts';
import { wholeNumber } from '../read/list.ts';
import { badRequest, methodNotAllowed, notFound, resourceNotServed, StatusError, unsupportedMediaType } from '../status-error.ts';
import { bindPod, finalizeNamespace } from '../subresources/namespaces-and-pods.ts';
import { readScale, writeScale } from '../subresources/scale.ts';
import { requestToken } from '../subresources/token-request.ts';
import { deleteObject, readDeleteOptions } from '../write/delete.ts';
import { applyType } from '../write/patch.ts';
import { writeOptions } from './answer.ts';
import { readBody } from './body.ts';
import { type ApiRequest, json, type Reply } from './context.ts';
import { readPatch } from './patches.ts';

export async function serveSubresource(request: ApiRequest, target: Target): Promise<Reply | undefined> {
  const { resource, subresource } = target;
  const { server, method } = request;
  if (subresource === 'scale') return scale(request, target);
  switch (`${resource.isBuiltin ? resource.stored : ''}/${subresource}`) {
    case 'serviceaccounts/token':
      only('POST', method);
      return json(requestToken(server, target, await bodyOf(request), server.tokens), 201);
    case 'namespaces/finalize':
      only('PUT', method);
      return json(finalizeNamespace(server, target, await bodyOf(request)));
    case 'pods/binding':
      only('POST', method);
      bindPod(server, target, await bodyOf(request));
      return json(success, 201);
    case 'pods/eviction': {
      only('POST', method);
      const eviction = await bodyOf(request);
      deleteObject(server, target, readDeleteOptions(request.query, deleteOptionsOf(eviction)));
      return json(success, 201);
    }
    case 'pods/log':
      only('GET', method);
      return logs(request, target);
    case 'pods/exec':
    case 'pods/attach':
    case 'pods/portforward':
      throw badRequest('Upgrade request required');
    default:
      throw resourceNotServed();
  }
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as const;

function only(allowed: string, method: string): void {
  if (method !== allowed) throw methodNotAllowed();
}

const bodyOf = async ({ incoming }: ApiRequest): Promise<Json> => (await readBody(incoming)) ?? null;

const deleteOptionsOf = (eviction: Json): Json | undefined =>
  typeof eviction === 'object' && eviction !== null && !Array.isArray(eviction) ? eviction.deleteOptions : undefined;

async function scale(request: ApiRequest, target: Target): Promise<Reply> {
  const { server, method } = request;
  switch (method) {
    case 'GET':
      return json(readScale(server, target));
    case 'PUT': {
      const wanted = await bodyOf(request);
      return json(writeScale(server, target, () => wanted, writeOptions(request, 'UpdateOptions')));
    }
    case 'PATCH': {
      const { type, body } = await readPatch(request);
      if (type === applyType) throw unsupportedMediaType('apply is not supported for scale');
      const change = (scale: Parameters<typeof applyPatch>[1]) => applyPatch(type, scale, body, { group: 'autoscaling', kind: 'Scale' });
      return json(writeScale(server, target, change, writeOptions(request, 'PatchOptions')));
    }
    default:
      throw methodNotAllowed();
  }
}

async function logs(request: ApiRequest, target: Target): Promise<undefined> {
  const { server, response } = request;
  const pod = server.store.get('pods', keyOfTarget(target))?.object;
  if (pod === undefined) throw notFound(target.resource, target.name);
  if (server.runtime === undefined) throw new StatusError(503, 'ServiceUnavailable', 'nobody runs pods here');
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const text = server.runtime.logs(pod, logOptions(request, pod), gone.signal);
  const lines = text[Symbol.asyncIterator]();
  // What goes wrong before the first line is still an ordinary answer.
  let next = await lines.next();
  response.writeHead(200, { 'content-type': 'text/plain' });
  for (; next.done !== true && !gone.signal.aborted; next = await lines.next()) {
    if (!response.write(next.value)) await once(response, 'drain', { signal: gone.signal });
  }
  response.end();
}

function logOptions({ query }: ApiRequest, pod: Parameters<typeof textAt>[0] & object): LogOptions {
  const containers = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')].map(
    (each) => textAt(each, 'name') ?? '',
  );
  const container = query.get('container') || (containers[0] ?? '');
  if (!containers.includes(container)) throw badRequest(`container ${container} is not valid for pod ${textAt(pod, 'metadata', 'name')}`);
  const isTrue = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  return {
    container,
    follow: isTrue('follow'),
    previous: isTrue('previous'),
    timestamps: isTrue('timestamps'),
    tailLines: wholeNumber(query.get('tailLines'), 'tailLines'),
    sinceSeconds: wholeNumber(query.get('sinceSeconds'), 'sinceSeconds'),
  };
}
