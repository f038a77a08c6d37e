// Requests about objects: finds the resource, names the verb, asks whether it is allowed, and calls who does it.
// Called by kube-api.ts for every path under /api and /apis that is not discovery.

import { answerReview } from '../auth/reviews.ts';
import type { Target } from '../cluster.ts';
import { keyOfTarget } from '../cluster.ts';
import type { Json } from '../patch/json.ts';
import { listPage } from '../read/list.ts';
import { methodNotAllowed, notFound, resourceNotServed } from '../status-error.ts';
import { conforming } from '../write/conform.ts';
import { createObject } from '../write/create.ts';
import { replaceObject } from '../write/replace.ts';
import { answer, authorize, representation, writeOptions } from './answer.ts';
import { readBody } from './body.ts';
import { type ApiRequest, json, type Reply } from './context.ts';
import { removeCollection, removeObject } from './deletions.ts';
import { patch } from './patches.ts';
import { listText } from './represent.ts';
import { parseResourcePath } from './resource-path.ts';
import { serveSubresource } from './subresources.ts';
import { serveWatch } from './watch-response.ts';

/** Undefined: the response has been taken over. */
export async function serveResource(request: ApiRequest): Promise<Reply | undefined> {
  const path = parseResourcePath(request.path);
  const resource = path && request.server.kinds.find(path.group, path.version, path.plural);
  if (path === undefined || resource === undefined) throw resourceNotServed();
  if (path.namespace !== '' && !resource.namespaced) throw resourceNotServed();
  const target: Target = { resource, namespace: path.namespace, name: path.name, subresource: path.subresource };
  if (resource.namespaced && path.namespace === '' && (path.name !== '' || request.method === 'POST')) throw methodNotAllowed();
  const verb = verbOf(request, target);
  if (verb === undefined) throw methodNotAllowed();
  authorize(request, target, verb);
  if (resource.isReview) return verb === 'create' && target.name === '' ? review(request, target) : Promise.reject(methodNotAllowed());
  if (target.subresource !== '' && target.subresource !== 'status') return serveSubresource(request, target);
  if (target.subresource === 'status' && !resource.hasStatus) throw resourceNotServed();
  switch (verb) {
    case 'get':
      return read(request, target);
    case 'list':
      return list(request, target);
    case 'watch':
      serveWatch(request, target, representation(request, resource));
      return undefined;
    case 'create':
      return create(request, target);
    case 'update':
      return update(request, target);
    case 'patch':
      return patch(request, target);
    case 'delete':
      return removeObject(request, target);
    case 'deletecollection':
      return removeCollection(request, target);
    default:
      throw verb satisfies never;
  }
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** Undefined: this method means nothing here. */
function verbOf({ method, query }: ApiRequest, { name, subresource }: Target): Verb | undefined {
  const isWatch = ['true', '1'].includes(query.get('watch') ?? '');
  switch (method) {
    case 'GET':
      if (isWatch && subresource === '') return 'watch';
      return name === '' ? 'list' : 'get';
    case 'POST':
      return name === '' || subresource !== '' ? 'create' : undefined;
    case 'PUT':
      return name === '' ? undefined : 'update';
    case 'PATCH':
      return name === '' ? undefined : 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : subresource === '' ? 'delete' : undefined;
    default:
      return undefined;
  }
}

function read(request: ApiRequest, target: Target): Reply {
  const { resource } = target;
  const stored = request.server.store.get(resource.stored, keyOfTarget(target));
  if (stored === undefined) throw notFound(resource, target.name);
  return answer(request, target, resource.fromStored(stored.object));
}

function list(request: ApiRequest, target: Target): Reply {
  const as = representation(request, target.resource);
  return { status: 200, body: listText(listPage(request.server, target, request.query), as) };
}

async function create(request: ApiRequest, target: Target): Promise<Reply> {
  const options = writeOptions(request, 'CreateOptions');
  const body = (await readBody(request.incoming)) ?? null;
  return answer(request, target, createObject(request.server, target, body, options), 201, options);
}

async function update(request: ApiRequest, target: Target): Promise<Reply> {
  const options = writeOptions(request, 'UpdateOptions');
  const { resource, name } = target;
  const proposed: Json = (await readBody(request.incoming)) ?? null;
  const current = request.server.store.get(resource.stored, keyOfTarget(target));
  conforming(proposed, target);
  if (current === undefined) throw notFound(resource, name);
  const change = { current, proposed, by: 'put' } as const;
  return answer(request, target, replaceObject(request.server, target, change, options), 200, options);
}

async function review(request: ApiRequest, target: Target): Promise<Reply> {
  const question = conforming(await readBody(request.incoming), target);
  const { user, server } = request;
  return json(answerReview(question, { user, tokens: server.tokens, forbid: server.faults.forbid }), 201);
}
