// CEL as Kubernetes has it: values of JSON typed by their schema, rules compiled once, the extension functions of cel-functions.ts.
// Called by rules.ts, and by crd/ to refuse rules that do not compile. Optional syntax (`a.?b`) is not understood.
import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { isObject, type Json } from '../patch/json.ts';
import { extensions } from './cel-functions.ts';
import { goRegExp } from './go-regexp.ts';
import { isDeclared, memberSchema, type OpenApiSchema } from './open-api.ts';

const env = celEnv({ funcs: [...strings, ...extensions], re2: { compile: goRegExp } });

type Program = (bindings: Record<string, CelInput>) => unknown;
const programs = new Map<string, Program>();
const maxPrograms = 5_000;

/** @throws Error when the expression cannot be parsed. */
export function compile(expression: string): Program {
  const known = programs.get(expression);
  if (known !== undefined) return known;
  const program: Program = plan(env, parse(expression));
  if (programs.size >= maxPrograms) programs.clear();
  programs.set(expression, program);
  return program;
}

export type Outcome = { readonly value: unknown } | { readonly error: string };

export function evaluate(expression: string, bindings: Record<string, CelInput>): Outcome {
  try {
    const value = compile(expression)(bindings);
    return isCelError(value) ? { error: kubernetesWords(value.message) } : { value };
  } catch (why) {
    return { error: kubernetesWords(why instanceof Error ? why.message : String(why)) };
  }
}

function kubernetesWords(error: string): string {
  return error
    .replace(/^field not found: /, 'no such key: ')
    .replace(/^Cannot convert .* to a BigInt$/, "type conversion error from 'string' to 'int'")
    .replace(/^Failed to parse duration.*/, "type conversion error from 'string' to 'google.protobuf.Duration'");
}

/** Integers are ints where the schema says so or says nothing; fields that are no CEL names are escaped. */
export function toCel(value: Json, schema: OpenApiSchema | undefined): CelInput {
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (isObject(value)) {
    return new Map(
      Object.entries(value).map(([key, member]) => [
        isDeclared(schema, key) ? escaped(key) : key,
        toCel(member, memberSchema(schema, key)),
      ]),
    );
  }
  if (typeof value === 'number') return schema?.type !== 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' && schema?.format === 'date-time') return timestampFromDate(new Date(value));
  return value;
}

const reserved: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

function escaped(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name.replace(/__/g, '__underscores__').replace(/\./g, '__dot__').replace(/-/g, '__dash__').replace(/\//g, '__slash__');
}
