// Admission of custom kinds: pruning, defaults, every keyword of a structural schema, CEL rules, and what an update may keep.
// The words were compared with a real API server's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, KubeObject } from '../patch/json.ts';
import { StatusError } from '../status-error.ts';
import type { OpenApiSchema } from './open-api.ts';
import { withRootFields } from './root.ts';
import { type Admission, admit } from './validate.ts';

const string: OpenApiSchema = { type: 'string' };
const integer: OpenApiSchema = { type: 'integer' };
const notChecked =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function admitted(field: OpenApiSchema, value: Json, old?: Json, fieldValidation: 'Strict' | 'Warn' | 'Ignore' = 'Warn'): Admission {
  const schema = withRootFields({ type: 'object', properties: { spec: { type: 'object', properties: { x: field } } } });
  const object = (x: Json): KubeObject => ({ apiVersion: 'a.io/v1', kind: 'A', metadata: { name: 'a' }, spec: { x } });
  return admit(schema, object(value), old === undefined ? undefined : object(old), { fieldValidation });
}

const errorsOf = ({ errors }: Admission): string[] => errors.map(({ path, message }) => `${path}: ${message}`);
const specOf = ({ object }: Admission): Json | undefined => object.spec;

describe('a value', () => {
  const rows: readonly (readonly [name: string, schema: OpenApiSchema, right: Json, wrong: Json, error: string])[] = [
    ['has its type', string, 'a', 1, 'spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"'],
    [
      'is an integer without a fraction',
      integer,
      1,
      1.5,
      'spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"',
    ],
    [
      'may be an integer where a number is wanted',
      { type: 'number' },
      1,
      '1',
      'spec.x: Invalid value: "string": spec.x in body must be of type number: "string"',
    ],
    [
      'is null only where that is said',
      { ...string, nullable: true },
      null,
      1,
      'spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"',
    ],
    ['is not null elsewhere', string, '', null, 'spec.x: Invalid value: "null": spec.x in body must be of type string: "null"'],
    [
      'is an int or a string',
      { 'x-kubernetes-int-or-string': true },
      '50%',
      true,
      'spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"',
    ],
    ['is one of the values', { ...string, enum: ['a', 'b'] }, 'a', 'c', 'spec.x: Unsupported value: "c": supported values: "a", "b"'],
    ['matches the pattern', { ...string, pattern: '^a+$' }, 'aa', 'b', 'spec.x: Invalid value: "b": spec.x in body should match \'^a+$\''],
    [
      'is long enough',
      { ...string, minLength: 2 },
      'é!',
      'é',
      'spec.x: Invalid value: "é": spec.x in body should be at least 2 chars long',
    ],
    ['is short enough', { ...string, maxLength: 1 }, '😀', 'ab', 'spec.x: Too long: may not be more than 1 bytes'],
    ['is large enough', { ...integer, minimum: 1 }, 1, 0, 'spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1'],
    [
      'is larger',
      { ...integer, minimum: 1, exclusiveMinimum: true },
      2,
      1,
      'spec.x: Invalid value: 1: spec.x in body should be greater than 1',
    ],
    ['is small enough', { ...integer, maximum: 1 }, 1, 2, 'spec.x: Invalid value: 2: spec.x in body should be less than or equal to 1'],
    ['is a multiple', { ...integer, multipleOf: 5 }, 10, 11, 'spec.x: Invalid value: 11: spec.x in body should be a multiple of 5'],
    [
      'has items enough',
      { type: 'array', items: string, minItems: 1 },
      ['a'],
      [],
      'spec.x: Invalid value: 0: spec.x in body should have at least 1 items',
    ],
    [
      'has not too many items',
      { type: 'array', items: string, maxItems: 1 },
      ['a'],
      ['a', 'b'],
      'spec.x: Too many: 2: must have at most 1 item',
    ],
    ['has the required members', { type: 'object', properties: { y: string }, required: ['y'] }, { y: '' }, {}, 'spec.x.y: Required value'],
    [
      'has right items',
      { type: 'array', items: integer },
      [1],
      [1, 'a'],
      'spec.x[1]: Invalid value: "string": spec.x[1] in body must be of type integer: "string"',
    ],
    [
      'has right entries',
      { type: 'object', additionalProperties: integer },
      { a: 1 },
      { a: 'b' },
      'spec.x.a: Invalid value: "string": spec.x.a in body must be of type integer: "string"',
    ],
    [
      'is a set without repetition',
      { type: 'array', items: string, 'x-kubernetes-list-type': 'set' },
      ['a', 'b'],
      ['a', 'a'],
      'spec.x[1]: Duplicate value: "a"',
    ],
    [
      'is a map without repetition',
      {
        type: 'array',
        items: { type: 'object', properties: { k: string }, required: ['k'] },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [{ k: 'a' }],
      [{ k: 'a' }, { k: 'a' }],
      'spec.x[1]: Duplicate value: {"k":"a"}',
    ],
    [
      'has the format',
      { ...string, format: 'ipv4' },
      '1.2.3.4',
      '1.2.3',
      'spec.x: Invalid value: "1.2.3": spec.x in body must be of type ipv4: "1.2.3"',
    ],
    [
      'is a date',
      { ...string, format: 'date-time' },
      '2026-01-01T00:00:00.5Z',
      '2026-01-01',
      'spec.x: Invalid value: "2026-01-01": spec.x in body must be of type date-time: "2026-01-01"',
    ],
    ['is base64', { ...string, format: 'byte' }, 'YQ==', 'Y', 'spec.x: Invalid value: "Y": spec.x in body must be of type byte: "Y"'],
    [
      'has a format that nobody knows',
      { ...string, format: 'colour' },
      'red',
      1,
      'spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"',
    ],
    [
      'satisfies not',
      { ...string, not: { pattern: '^x' } },
      'a',
      'x',
      '<nil>: Invalid value: "": "spec.x" must not validate the schema (not)',
    ],
  ];
  test.each(rows)('%s', (_, schema, right, wrong, error) => {
    expect(errorsOf(admitted(schema, right))).toEqual([]);
    expect(errorsOf(admitted(schema, wrong))).toEqual([error]);
  });

  test('satisfies exactly one of oneOf, and is told what would be nearest', () => {
    const schema: OpenApiSchema = {
      type: 'object',
      properties: { a: string, b: string },
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
    };
    expect(errorsOf(admitted(schema, { a: '' }))).toEqual([]);
    const text = '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf).';
    expect(errorsOf(admitted(schema, {}))).toEqual([`${text} Found none valid`, 'spec.x.a: Required value']);
    expect(errorsOf(admitted(schema, { a: '', b: '' }))).toEqual([`${text} Found 2 valid alternatives`]);
  });

  test('is judged in all its parts: mistakes are reported together', () => {
    const schema: OpenApiSchema = { type: 'object', properties: { a: integer, b: integer }, required: ['c'] };
    expect(errorsOf(admitted(schema, { a: 'x', b: 'y' }))).toHaveLength(3);
  });

  test('that is nested beyond reason is refused, not walked', () => {
    let deep: Json = 1;
    let schema: OpenApiSchema = integer;
    for (let i = 0; i < 300; i++) [deep, schema] = [[deep], { type: 'array', items: schema }];
    expect(errorsOf(admitted(schema, deep))[0]).toContain('nested too deeply');
  });
});

describe('unknown fields', () => {
  const schema: OpenApiSchema = {
    type: 'object',
    properties: { a: { type: 'array', items: { type: 'object', properties: { b: string } } } },
  };
  const value = { a: [{ b: 'x', c: 1 }], d: 2 };

  test('are left out, with a warning each', () => {
    const answer = admitted(schema, value);
    expect(specOf(answer)).toEqual({ x: { a: [{ b: 'x' }] } });
    expect(answer.warnings).toEqual(['unknown field "spec.x.a[0].c"', 'unknown field "spec.x.d"']);
  });

  test('are left out in silence under Ignore', () => expect(admitted(schema, value, undefined, 'Ignore').warnings).toEqual([]));

  test('are refused under Strict, as kubectl shows it', () => {
    const text =
      'A in version "v1" cannot be handled as a A: strict decoding error: unknown field "spec.x.a[0].c", unknown field "spec.x.d"';
    expect(() => admitted(schema, value, undefined, 'Strict')).toThrow(text);
  });

  test('are kept where the schema says so, and pruned again below', () => {
    const open: OpenApiSchema = { ...schema, 'x-kubernetes-preserve-unknown-fields': true };
    expect(specOf(admitted(open, value))).toEqual({ x: { a: [{ b: 'x' }], d: 2 } });
  });

  test('of an embedded resource include none of its metadata', () => {
    const embedded: OpenApiSchema = { type: 'object', 'x-kubernetes-embedded-resource': true };
    const resource = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', labels: { b: 'c' } }, spec: {} };
    expect(admitted(embedded, resource).warnings).toEqual(['unknown field "spec.x.spec"']);
  });

  test('named like what JavaScript objects inherit are fields like others', () => {
    const map: OpenApiSchema = { type: 'object', additionalProperties: string };
    const odd: Json = JSON.parse('{"__proto__":"a","constructor":"b"}');
    expect(JSON.stringify(specOf(admitted(map, odd)))).toBe('{"x":{"__proto__":"a","constructor":"b"}}');
    expect(admitted({ type: 'object', properties: {} }, odd).warnings).toHaveLength(2);
  });
});

describe('defaults', () => {
  const schema: OpenApiSchema = {
    type: 'object',
    default: {},
    properties: {
      a: { ...string, default: 'b' },
      c: { type: 'array', items: { type: 'object', properties: { d: { ...integer, default: 1 } } } },
    },
  };
  const rows: readonly (readonly [name: string, given: Json, filled: Json])[] = [
    ['fill what is missing', {}, { a: 'b' }],
    ['leave what is there', { a: '' }, { a: '' }],
    ['stand in for null where none is allowed', { a: null }, { a: 'b' }],
    ['reach into lists', { c: [{}, { d: 2 }] }, { a: 'b', c: [{ d: 1 }, { d: 2 }] }],
  ];
  test.each(rows)('%s', (_, given, filled) => expect(specOf(admitted(schema, given))).toEqual({ x: filled }));
});

describe('a CEL rule', () => {
  const object = (...rules: { rule: string; [key: string]: string }[]): OpenApiSchema => ({
    type: 'object',
    properties: { a: integer, b: string, list: { type: 'array', items: string }, namespace: string, 'x-y': string, n: { type: 'number' } },
    'x-kubernetes-validations': rules,
  });
  const rows: readonly (readonly [rule: string, right: Json, wrong: Json])[] = [
    ['self.a > 1', { a: 2 }, { a: 1 }],
    ['has(self.b)', { b: '' }, {}],
    ['self.list.size() <= 1', { list: ['a'] }, { list: ['a', 'b'] }],
    ['self.list.all(x, self.list.exists_one(y, x == y))', { list: ['a', 'b'] }, { list: ['a', 'a'] }],
    ["self.b.matches('^[a-z]+$')", { b: 'a' }, { b: 'A' }],
    ["self.__namespace__ == 'a'", { namespace: 'a' }, { namespace: 'b' }],
    ["self.x__dash__y == 'a'", { 'x-y': 'a' }, { 'x-y': 'b' }],
    ['self.n < 1.5', { n: 1 }, { n: 2 }],
    ["isURL(self.b) && url(self.b).getScheme() == 'https'", { b: 'https://a.b/c' }, { b: 'a' }],
    ['isIP(self.b) && ip(self.b).family() == 6', { b: '::1' }, { b: '1.2.3.4' }],
    ['isCIDR(self.b)', { b: '10.0.0.0/8' }, { b: '10.0.0.0' }],
    ["self.list.isSorted() && self.list.indexOf('b') == 1", { list: ['a', 'b'] }, { list: ['b', 'a'] }],
    ['self.list.map(x, int(x)).sum() == 3', { list: ['1', '2'] }, { list: ['1'] }],
    ["sets.contains(self.list, ['a'])", { list: ['a'] }, { list: [] }],
    ["self.b.find('[0-9]+') == '12'", { b: 'a12b' }, { b: 'a' }],
    ["duration(self.b) >= duration('1s')", { b: '1m' }, { b: '1ms' }],
    ["self.b.split('/').size() == 2", { b: 'a/b' }, { b: 'a' }],
  ];
  test.each(rows)('%s', (rule, right, wrong) => {
    expect(errorsOf(admitted(object({ rule }), right))).toEqual([]);
    expect(errorsOf(admitted(object({ rule }), wrong))).toEqual([`spec.x: Invalid value: "object": failed rule: ${rule}`]);
  });

  test('says its message, its reason and its field', () => {
    const rule = { rule: 'self.a > 1', message: 'more', reason: 'FieldValueForbidden', fieldPath: '.a' };
    expect(errorsOf(admitted(object(rule), { a: 1 }))).toEqual(['spec.x.a: Forbidden: more']);
  });

  test('computes its message', () => {
    const rule = { rule: 'self.a > 1', message: 'more', messageExpression: "'not ' + string(self.a)" };
    expect(errorsOf(admitted(object(rule), { a: 1 }))).toEqual(['spec.x: Invalid value: "object": not 1']);
  });

  test('that fails to evaluate refuses and says why', () => {
    expect(errorsOf(admitted(object({ rule: 'self.a > 1', message: 'more' }), {}))).toEqual([
      'spec.x: Invalid value: "object": no such key: a evaluating rule: more',
    ]);
  });

  test('is not asked about an object of wrong shape', () => {
    expect(errorsOf(admitted(object({ rule: 'self.a > 1' }), { a: 'x' }))).toEqual([
      'spec.x.a: Invalid value: "string": spec.x.a in body must be of type integer: "string"',
      notChecked,
    ]);
  });

  test('with oldSelf judges changes only', () => {
    const rule = { rule: 'self.a >= oldSelf.a', message: 'never less' };
    expect(errorsOf(admitted(object(rule), { a: 1 }))).toEqual([]);
    expect(errorsOf(admitted(object(rule), { a: 2 }, { a: 1 }))).toEqual([]);
    expect(errorsOf(admitted(object(rule), { a: 1 }, { a: 2 }))).toEqual(['spec.x: Invalid value: "object": never less']);
  });
});

describe('an update', () => {
  test('is not held up by what was wrong before and stays', () => {
    const schema: OpenApiSchema = { type: 'object', properties: { a: { ...integer, minimum: 10 }, b: integer } };
    expect(errorsOf(admitted(schema, { a: 1, b: 2 }, { a: 1, b: 1 }))).toEqual([]);
    expect(errorsOf(admitted(schema, { a: 2, b: 2 }, { a: 1, b: 1 }))).toHaveLength(1);
  });
});

test('whatever a client sends is judged, never thrown at', () => {
  const schema: OpenApiSchema = {
    type: 'object',
    properties: {
      a: { ...integer, default: 1 },
      b: { type: 'array', items: string, 'x-kubernetes-list-type': 'set' },
      c: { type: 'object', additionalProperties: string },
    },
    'x-kubernetes-validations': [{ rule: 'self.a > 0 && self.b.all(x, x.size() > 0)' }],
    anyOf: [{ required: ['b'] }, { properties: { a: { minimum: 1 } } }],
  };
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.record({ a: fc.jsonValue(), b: fc.jsonValue(), c: fc.jsonValue() })), (value) => {
      try {
        admitted(schema, value as Json, { a: 1 });
      } catch (why) {
        expect(why).toBeInstanceOf(StatusError);
      }
    }),
  );
});
