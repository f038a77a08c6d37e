// Reads the mesh configuration field by field, and notes by its path what is not what it should be. Used by the control plane and by those who ask what it would say.
// A field that is wrong counts as absent; whoever reads looks at the mistakes when all is read.
import { durationOf } from '../l7/duration.ts';

type Fields = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

export class MeshFields {
  /** All that is written here; empty where there is nothing. */
  readonly raw: Fields;
  /** Whether anything is written here at all. */
  readonly present: boolean;
  readonly #path: string;
  readonly #mistakes: string[];

  constructor(value: Fields | undefined, mistakes: string[], path = '') {
    this.raw = value ?? {};
    this.present = value !== undefined;
    this.#path = path;
    this.#mistakes = mistakes;
  }

  /** Notes what is wrong with this part as a whole. */
  mistake(what: string): undefined {
    this.#mistakes.push(`${this.#path || 'it'} in the mesh configuration ${what}.`);
  }

  part(name: string): MeshFields {
    return new MeshFields(this.#read(name, isRecord, 'a mapping'), this.#mistakes, this.#at(name));
  }

  parts(name: string): readonly MeshFields[] {
    const list: readonly unknown[] = this.#read(name, Array.isArray, 'a list') ?? [];
    return list.flatMap((each, index) => {
      const part = new MeshFields(isRecord(each) ? each : undefined, this.#mistakes, `${this.#at(name)}[${index}]`);
      return part.present ? part : (part.mistake('must be a mapping') ?? []);
    });
  }

  text(name: string): string | undefined {
    return this.#read(name, (value) => typeof value === 'string', 'text');
  }

  texts(name: string): readonly string[] {
    const areTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((each) => typeof each === 'string');
    return this.#read(name, areTexts, 'a list of texts') ?? [];
  }

  flag(name: string): boolean | undefined {
    return this.#read(name, (value) => typeof value === 'boolean', 'true or false');
  }

  number(name: string): number | undefined {
    const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
    return this.#read(name, isNumber, 'a number');
  }

  whole(name: string): number | undefined {
    const isWhole = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return this.#read(name, isWhole, 'a whole number');
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    const isDuration = (value: unknown): value is string => typeof value === 'string' && durationOf(value) !== undefined;
    return durationOf(this.#read(name, isDuration, 'a duration, such as 5s'));
  }

  oneOf<W extends string>(name: string, words: readonly W[]): W | undefined {
    return this.#read(name, (value): value is W => words.some((word) => word === value), `one of ${words.join(', ')}`);
  }

  /** A mapping of texts to texts, in its order. */
  pairs(name: string): readonly (readonly [string, string])[] {
    const part = this.part(name);
    return Object.keys(part.raw).flatMap((key) => {
      const value = part.text(key);
      return value === undefined ? [] : [[key, value] as const];
    });
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #read<V>(name: string, is: (value: unknown) => value is V, what: string): V | undefined {
    const value = Object.hasOwn(this.raw, name) ? this.raw[name] : undefined;
    if (!isGiven(value)) return undefined;
    if (is(value)) return value;
    this.#mistakes.push(`${this.#at(name)} in the mesh configuration must be ${what}.`);
    return undefined;
  }
}
