// DELETE over HTTP, of one object and of whole collections.
// Called by resources.ts; the work is write/delete.ts's.
import type { Target } from '../cluster.ts';
import { strategyOf } from '../kinds/strategies.ts';
import { listPage } from '../read/list.ts';
import { deleteObject, readDeleteOptions } from '../write/delete.ts';
import { answer, representation } from './answer.ts';
import { readBody } from './body.ts';
import { type ApiRequest, json, type Reply } from './context.ts';
import { listText } from './represent.ts';

export async function removeObject(request: ApiRequest, target: Target): Promise<Reply> {
  const { resource, name } = target;
  const options = readDeleteOptions(request.query, await readBody(request.incoming));
  const { isGone, object } = deleteObject(request.server, target, options);
  if (!isGone || strategyOf(resource.stored).answersDeleted === true) return answer(request, target, object);
  const group = resource.group === '' ? {} : { group: resource.group };
  const details = { name, ...group, kind: resource.plural, uid: object.metadata.uid };
  return json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

/** Answers with what was there. */
export async function removeCollection(request: ApiRequest, target: Target): Promise<Reply> {
  const { server, query } = request;
  const options = readDeleteOptions(query, await readBody(request.incoming));
  const page = listPage(server, target, query);
  for (const { object } of page.items) {
    const { namespace = '', name = '' } = object.metadata;
    deleteObject(server, { ...target, namespace, name }, options);
  }
  return { status: 200, body: listText(page, representation(request, target.resource)) };
}
