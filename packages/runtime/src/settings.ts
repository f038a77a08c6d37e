// Configuration as one table, read once: each setting says its variable, how it is read, its default and what it is for.
// All mistakes are reported together, each as one sentence; the same table renders the documentation.
// Only a program's config.ts passes the environment in; nothing here reads it by itself.
import { type Ms, parseDuration } from './time.ts';

export interface Parser<T> {
  /** Completes "must be …": `true or false`. */
  readonly accepts: string;
  /** Undefined = not acceptable. */
  readonly read: (text: string) => T | undefined;
}

export interface Setting {
  /** The variable; of several the first that is set counts. */
  readonly env: string | readonly string[];
  readonly parse: Parser<unknown>;
  /** Value when the variable is not set; `undefined` makes the setting optional. */
  readonly otherwise: unknown;
  /** One sentence for the documentation. */
  readonly about: string;
  /** Never shown in a mistake. */
  readonly secret?: boolean;
}

export type Table = Readonly<Record<string, Setting>>;

type ValueOf<S extends Setting> = (S['parse'] extends Parser<infer T> ? T : never) | Widened<S['otherwise']>;
/** A literal default (`10_000` under `as const`) must not show in the type of the value. */
type Widened<D> = D extends Ms ? Ms : D extends number ? number : D extends boolean ? boolean : D;
export type Values<T extends Table> = { readonly [K in keyof T]: ValueOf<T[K]> };

export type Environment = Readonly<Record<string, string | undefined>>;

/** A parser of the program's own. */
export function parser<T>(accepts: string, read: (text: string) => T | undefined): Parser<T> {
  return { accepts, read };
}

export const flag: Parser<boolean> = parser('true or false', (text) => (text === 'true' ? true : text === 'false' ? false : undefined));

export const duration: Parser<Ms> = parser('a duration such as 5s, 1m30s or 100ms', parseDuration);

export const text: Parser<string> = parser('text', (given) => given);

export const someText: Parser<string> = parser('text that is not empty', (given) => (given === '' ? undefined : given));

export function whole(min: number, max: number): Parser<number> {
  return parser(`a whole number from ${min} to ${max}`, (given) => {
    const number = Number(given);
    return /^-?\d+$/.test(given) && number >= min && number <= max ? number : undefined;
  });
}

export function oneOf<const C extends readonly string[]>(...choices: C): Parser<C[number]> {
  const listed = choices.map((choice) => `"${choice}"`).join(' or ');
  return parser(listed, (given) => choices.find((choice) => choice === given));
}

/** Reads the whole table; values are frozen. Each mistake names the variable, its value and what is accepted. */
export function readSettings<const T extends Table>(
  table: T,
  env: Environment,
): { readonly ok: Values<T> } | { readonly mistakes: readonly string[] } {
  const values: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [key, setting] of Object.entries(table)) {
    const name = namesOf(setting).find((candidate) => env[candidate] !== undefined);
    const given = name === undefined ? undefined : env[name];
    if (name === undefined || given === undefined) {
      values[key] = setting.otherwise;
      continue;
    }
    const value = setting.parse.read(given);
    if (value === undefined)
      mistakes.push(
        `${name} ${setting.secret ? 'has a value that is not shown' : `is ${quoted(given)}`} but must be ${setting.parse.accepts}.`,
      );
    else values[key] = value;
  }
  return mistakes.length > 0 ? { mistakes } : { ok: Object.freeze(values) as Values<T> };
}

/** A Markdown table: variable, default, what is accepted, meaning. */
export function describeSettings(table: Table): string {
  const rows = Object.values(table).map((setting) => {
    const names = namesOf(setting).map((name) => `\`${name}\``);
    return [names.join(' or '), shown(setting), setting.parse.accepts, setting.about];
  });
  const lines = [['Variable', 'Default', 'Accepts', 'Meaning'], ['---', '---', '---', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}

const namesOf = (setting: Setting): readonly string[] => (typeof setting.env === 'string' ? [setting.env] : setting.env);

function shown({ parse, otherwise }: Setting): string {
  if (otherwise === undefined) return 'not set';
  if (typeof otherwise === 'number' && parse.accepts.startsWith('a duration'))
    return `\`${otherwise % 1_000 === 0 ? `${otherwise / 1_000}s` : `${otherwise}ms`}\``;
  const text = typeof otherwise === 'object' && !Array.isArray(otherwise) ? JSON.stringify(otherwise) : String(otherwise);
  return text === '' ? 'empty' : `\`${text}\``;
}

/** A value from outside inside a sentence: on one line, of bounded length. */
function quoted(given: string): string {
  return JSON.stringify(given.length > 80 ? `${given.slice(0, 80)}…` : given);
}
