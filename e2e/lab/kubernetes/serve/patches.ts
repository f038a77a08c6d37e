// PATCH over HTTP: which of the four types, and what the answer says.
// Called by resources.ts; the work is write/patch.ts's.
import type { Target } from '../cluster.ts';
import { unsupportedMediaType } from '../status-error.ts';
import { applyType, type Patch, patchObject, patchTypes, requireManager } from '../write/patch.ts';
import { answer, writeOptions } from './answer.ts';
import { mediaTypeOf, parseJson, parseYaml, readText } from './body.ts';
import type { ApiRequest, Reply } from './context.ts';

export async function patch(request: ApiRequest, target: Target): Promise<Reply> {
  const { query, server } = request;
  const options = writeOptions(request, 'PatchOptions');
  const sent = await readPatch(request);
  if (sent.type === applyType) requireManager(query);
  const { object, isNew } = patchObject(server, target, sent, options);
  return answer(request, target, object, isNew ? 201 : 200, options);
}

export async function readPatch({ incoming }: ApiRequest): Promise<Patch> {
  const given = mediaTypeOf(incoming);
  const text = await readText(incoming);
  if (given === applyType) return { type: applyType, body: parseYaml(text) };
  const type = patchTypes.find((each) => each === given);
  if (type !== undefined) return { type, body: parseJson(text) };
  const accepted = [...patchTypes, applyType].join(', ');
  throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${accepted}`);
}
