// What scripts of completion look up, as functions of `case` that bash and zsh both understand: the next command, and what an option takes.
// Pure: from the shape of the command line to text. Used by bash.ts and zsh.ts.
import { type CommandShape, everyTaken, type OptionShape, type Taken } from './tree.ts';

/** In single quotes, for any of the shells. Descriptions are ours, and still quoted. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `__ambientctl_next PATH WORD`: REPLY is the path with that command, or empty. */
export function nextTable(program: CommandShape): string {
  const rows = everyTaken(program).flatMap(({ command }) =>
    command.children.map(
      (child) => `    ${child.names.map((name) => quoted(`${command.path}:${name}`)).join('|')}) REPLY=${quoted(child.path)} ;;`,
    ),
  );
  return functionOf('__ambientctl_next', rows);
}

/** `__ambientctl_takes PATH OPTION`: REPLY is empty for one that takes nothing, `file`, `any`, or a colon and the values to choose from. */
export function takesTable(program: CommandShape): string {
  const rows = everyTaken(program).flatMap(({ command, options }) =>
    options
      .filter(({ takes }) => takes !== 'nothing')
      .map(
        ({ names, takes }) =>
          `    ${names.map((name) => quoted(`${command.path}:${name}`)).join('|')}) REPLY=${quoted(takesText(takes))} ;;`,
      ),
  );
  return functionOf('__ambientctl_takes', rows);
}

const takesText = (takes: OptionShape['takes']): string => (typeof takes === 'string' ? takes : `:${takes.join(' ')}`);

function functionOf(name: string, rows: readonly string[]): string {
  return `${name}() {\n  REPLY=''\n  case "$1:$2" in\n${rows.join('\n')}\n  esac\n}\n`;
}

export interface Word {
  readonly word: string;
  readonly about: string;
}

/** What may stand at this place and begins with no dash: commands, and values of the first argument. */
export const plainWords = ({ command }: Taken): readonly Word[] => [
  ...command.children.map(({ names, about }) => ({ word: names[0] ?? '', about })),
  ...(command.args[0]?.choices ?? []).map((word) => ({ word, about: '' })),
];

export const optionWords = ({ options }: Taken): readonly Word[] =>
  options.map(({ names, about }) => ({ word: names.at(-1) ?? '', about }));
