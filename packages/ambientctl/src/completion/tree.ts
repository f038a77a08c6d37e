// The command line as plain data: commands, their options and what those take. Read from commander, for completions and for the reference page.
// The only place that looks into commander's objects after they are made.
import type { Command, Option } from 'commander';

export interface OptionShape {
  /** `-n, --namespace <name>` */
  readonly flags: string;
  /** `-n`, `--namespace` */
  readonly names: readonly string[];
  readonly about: string;
  /** What follows it. `any`: something that we cannot guess. */
  readonly takes: 'nothing' | 'any' | 'file' | readonly string[];
  /** Of those that take something. */
  readonly otherwise: string | undefined;
}

export interface CommandShape {
  /** Below the program: `waypoint apply`; empty for the program itself. */
  readonly path: string;
  readonly names: readonly string[];
  readonly about: string;
  /** `[name]`, `<from> <to>` */
  readonly usage: string;
  readonly args: readonly { readonly name: string; readonly about: string; readonly choices: readonly string[] }[];
  /** Its own, without those of its parents. */
  readonly options: readonly OptionShape[];
  readonly children: readonly CommandShape[];
}

/** A command that hides itself is left out. */
export function shapeOf(command: Command, parent = ''): CommandShape {
  const isProgram = command.parent === null;
  const path = isProgram ? '' : `${parent} ${command.name()}`.trim();
  const args = command.registeredArguments;
  return {
    path,
    names: [command.name(), ...command.aliases()],
    about: command.description(),
    usage: args
      .map((each) => (each.required ? `<${each.name()}${each.variadic ? '...' : ''}>` : `[${each.name()}${each.variadic ? '...' : ''}]`))
      .join(' '),
    args: args.map((each) => ({ name: each.name(), about: each.description, choices: each.argChoices ?? [] })),
    options: command.options.filter((each) => !each.hidden).map(optionShape),
    children: command.commands.map((each) => shapeOf(each, path)),
  };
}

function optionShape(option: Option): OptionShape {
  const { flags, short, long, description, defaultValue } = option;
  const takesValue = option.required || option.optional;
  return {
    flags,
    names: [short, long].filter((name) => name !== undefined),
    about: description,
    takes: !takesValue ? 'nothing' : (option.argChoices ?? (/[<[]file/.test(flags) ? 'file' : 'any')),
    otherwise: takesValue && defaultValue !== undefined ? String(defaultValue) || undefined : undefined,
  };
}

/** Itself and all below it, in the order in which help lists them. */
export function everyCommand(shape: CommandShape): readonly CommandShape[] {
  return [shape, ...shape.children.flatMap(everyCommand)];
}

/** A command with the options of its parents, which it takes too, and `--help`. */
export interface Taken {
  readonly command: CommandShape;
  readonly options: readonly OptionShape[];
}

const help: OptionShape = {
  flags: '-h, --help',
  names: ['-h', '--help'],
  about: 'tells what it takes',
  takes: 'nothing',
  otherwise: undefined,
};

export function everyTaken(program: CommandShape, inherited: readonly OptionShape[] = [help]): readonly Taken[] {
  const own = new Set(program.options.flatMap(({ names }) => names));
  const options = [...program.options, ...inherited.filter(({ names }) => !names.some((name) => own.has(name)))];
  return [{ command: program, options }, ...program.children.flatMap((child) => everyTaken(child, options))];
}
