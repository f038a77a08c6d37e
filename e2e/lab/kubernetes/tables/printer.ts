// What a printer is: the columns of a kind's table, and how to fill them from an object.
// Implemented in printers.ts, network-printers.ts and custom.ts; used by table.ts.
import type { Json, KubeObject } from '../patch/json.ts';

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** Above 0: only with `-o wide`. */
  readonly priority: number;
  readonly format?: string;
  readonly description?: string;
}

export interface Printer {
  readonly columns: readonly Column[];
  /** As many cells as columns. `now` in milliseconds since 1970. */
  readonly cells: (object: Readonly<KubeObject>, now: number) => readonly Json[];
}
