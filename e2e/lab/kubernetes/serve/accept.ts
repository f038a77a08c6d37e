// What form of answer a client wants, from its Accept header: objects, a table for people, or metadata only.
// Used by resources.ts. Protobuf and CBOR are not spoken; every client that asks for them also takes JSON.
import { notAcceptable } from '../status-error.ts';

export type Form = 'object' | 'table' | 'metadata';

export interface MediaRange {
  /** `application/json` */
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const jsonTypes: ReadonlySet<string> = new Set(['application/json', '*/*', 'application/*']);
export const isJson = ({ type }: MediaRange): boolean => jsonTypes.has(type);

/** In the order in which the client prefers them; quality values are not weighed, nobody sends any. */
export function mediaRanges(header: string | undefined): readonly MediaRange[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', parameters: {} }];
  return header.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const pairs = parameters.map((each) => each.split('=')).map(([name = '', value = '']) => [name, value]);
    return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
  });
}

/** @throws StatusError 406 when nothing that the client takes is spoken here. */
export function formOf(accept: string | undefined): Form {
  for (const range of mediaRanges(accept)) {
    if (!isJson(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return 'object';
    if (g !== 'meta.k8s.io' || v !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  throw notAcceptable('only the following media types are accepted: application/json');
}
