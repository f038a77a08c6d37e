// The forms that an answer may take: a table for people, JSON and YAML for programs.
// Every command that shows something calls `show`; what the columns are is the command's own.
import { stringify } from 'yaml';
import type { Format, Shell } from './shell.ts';
import { formatTable, type Table } from './table.ts';

export interface Answer extends Table {
  /** What JSON and YAML show. */
  readonly items: unknown;
  /** Printed in place of a table without rows. Default: its head alone. */
  readonly whenEmpty?: string;
}

export function show(shell: Shell, format: Format, answer: Answer): void {
  if (format === 'json') shell.print(`${JSON.stringify(answer.items, undefined, 2)}\n`);
  else if (format === 'yaml') shell.print(stringify(answer.items, { aliasDuplicateObjects: false, lineWidth: 0 }));
  else if (answer.rows.length === 0 && answer.whenEmpty !== undefined) shell.print(`${answer.whenEmpty}\n`);
  else shell.print(formatTable(answer, isColourful(shell)));
}

/** On a terminal, unless its user objects (no-color.org). */
export const isColourful = ({ isTerminal, env }: Shell): boolean => isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
