// The fields of a protobuf message from its line in generated/messages.ts, read once per message.
// Used by decode.ts.

export interface Field {
  /** In JSON; empty: its fields are those of the message around it. */
  readonly name: string;
  readonly shape: 'one' | 'list' | 'map';
  /** Of the value, the item, or the entry. */
  readonly type: string;
  /** Absence means something else than zero. */
  readonly isPointer: boolean;
}

const known = new Map<string, ReadonlyMap<number, Field>>();

/** By field number. */
export function fieldsOf(line: string): ReadonlyMap<number, Field> {
  const found = known.get(line) ?? new Map(line.split(' ').map(readField));
  known.set(line, found);
  return found;
}

function readField(text: string): [number, Field] {
  const [name = '', number = '', rest = ''] = text.split(':');
  const isPointer = rest.startsWith('?');
  const type = rest.replace(/^\?|(\[\]|\{\})$/g, '');
  const shape = rest.endsWith('[]') ? 'list' : rest.endsWith('{}') ? 'map' : 'one';
  return [Number(number), { name, shape, type, isPointer }];
}
