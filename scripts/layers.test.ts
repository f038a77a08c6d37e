// Every rule of the layer checker, seen failing on a planted violation and passing beside it.
// Trees are made in a temporary folder; the real tree is checked by `npm run check`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { mask } from './layers/mask.ts';
import { violations } from './layers.ts';

type Files = Readonly<Record<string, string>>;

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

function plant(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'layers-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path.endsWith('.ts') && !text.startsWith('#') ? `// Header.\n${text}\n` : text);
  }
  return root;
}

const declares = (...names: string[]): string => JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, '1.0.0'])) });
const a = 'packages/model/src/a.ts';
const modelFile = { [a]: 'export const x = 1;' };

const layerRows: readonly (readonly [rule: string, files: Files, want: readonly string[]])[] = [
  [
    'an import that the table allows is fine',
    {
      ...modelFile,
      'packages/wire/package.json': declares('@ambient-mesh/model'),
      'packages/wire/src/w.ts': "import { x } from '@ambient-mesh/model/a';",
    },
    [],
  ],
  [
    'an import against the table, even of a type only',
    {
      'packages/host/src/h.ts': '',
      'packages/identity/package.json': declares('@ambient-mesh/host'),
      'packages/identity/src/i.ts': "import type { h } from '@ambient-mesh/host/h';",
    },
    ['packages/identity/src/i.ts:2: identity may not import host'],
  ],
  [
    'programs never import programs',
    { 'packages/ztunnel/src/z.ts': '', 'packages/waypoint/src/w.ts': "\nexport { z } from '@ambient-mesh/ztunnel/z';" },
    ['packages/waypoint/src/w.ts:3: waypoint may not import ztunnel'],
  ],
  [
    'e2e never imports the insides of programs',
    { 'packages/ztunnel/src/z.ts': '', 'e2e/lab/l.ts': "import { z } from '@ambient-mesh/ztunnel/z';" },
    ['e2e/lab/l.ts:2: e2e may not import ztunnel'],
  ],
  [
    'a corner of a part may be open while the rest is closed',
    {
      'packages/wire/src/zds/z.ts': '',
      'packages/wire/src/h2/h.ts': '',
      'packages/cni-agent/src/c.ts': "import { z } from '@ambient-mesh/wire/zds/z';\nimport { h } from '@ambient-mesh/wire/h2/h';",
    },
    ['packages/cni-agent/src/c.ts:3: cni-agent may import only a part of wire, not @ambient-mesh/wire/h2/h'],
  ],
  [
    'the model imports nothing of Node',
    { [a]: "import { readFileSync } from 'node:fs';" },
    [`${a}:2: model is pure: it may not import node:fs`],
  ],
  [
    'the model knows no clock, no chance and no I/O',
    { [a]: 'export const t = [Date.now(), new Date(), Math.random(), process.env, fetch(1)];' },
    ['Date', 'Math.random', 'fetch', 'new Date', 'process'].map((name) => `${a}:2: model is pure: it may not use ${name}`),
  ],
  [
    'words in comments, strings and property names are not uses',
    { [a]: "// Date.now()\nexport const t = { fetch: 'new Date' }; /* Math.random() */ t.fetch;" },
    [],
  ],
  [
    "the model's tests may be impure",
    { 'packages/model/src/a.test.ts': "import { test } from 'vitest';\nimport { readFileSync } from 'node:fs';\nDate.now();" },
    [],
  ],
  [
    'only host imports koffi, not even by require',
    { 'packages/wire/package.json': declares('koffi'), 'packages/wire/src/w.ts': "const k = require('koffi');" },
    ['packages/wire/src/w.ts:2: only host may import koffi'],
  ],
  [
    'code does not import testing',
    {
      'packages/runtime/src/testing/index.ts': '',
      'packages/host/package.json': declares('@ambient-mesh/runtime'),
      'packages/host/src/h.ts': "import { c } from '@ambient-mesh/runtime/testing';",
    },
    ['packages/host/src/h.ts:2: @ambient-mesh/runtime/testing is for tests only'],
  ],
  [
    'not even its own, by a relative path',
    { 'packages/runtime/src/testing/clock.ts': '', 'packages/runtime/src/r.ts': "import { c } from './testing/clock.ts';" },
    ['packages/runtime/src/r.ts:2: ./testing/clock.ts is for tests only'],
  ],
  [
    "tests import any package's testing",
    { 'packages/host/src/testing/index.ts': '', 'packages/wire/src/w.test.ts': "import { c } from '@ambient-mesh/host/testing';" },
    [],
  ],
  [
    'relative imports stay in their package',
    { ...modelFile, 'packages/wire/src/w.ts': "import { x } from '../../model/src/a.ts';" },
    ['packages/wire/src/w.ts:2: ../../model/src/a.ts leaves the package: import @ambient-mesh/model/… instead'],
  ],
  [
    'scripts are tooling: they import the insides of anything, by path',
    { ...modelFile, 'packages/ztunnel/src/z.ts': '', 'scripts/s.ts': "import { z } from '../packages/ztunnel/src/z.ts';" },
    [],
  ],
  [
    'nothing of theirs is imported by a package',
    { 'scripts/s.ts': '', 'packages/ztunnel/src/z.ts': "import { s } from '../../../scripts/s.ts';" },
    ['packages/ztunnel/src/z.ts:2: ../../../scripts/s.ts leaves the package: import @ambient-mesh/scripts/… instead'],
  ],
  [
    'what scripts import leads to a file too',
    { 'scripts/s.ts': "import { z } from '../packages/ztunnel/src/z.ts';" },
    ['scripts/s.ts:2: ../packages/ztunnel/src/z.ts leads to no file (packages/ztunnel/src/z.ts)'],
  ],
  ['an import leads to a file', { [a]: "import { y } from './b.ts';" }, [`${a}:2: ./b.ts leads to no file (packages/model/src/b.ts)`]],
  [
    'what is imported is declared',
    { 'packages/wire/package.json': declares(), 'packages/wire/src/w.ts': "import { parse } from 'yaml';" },
    ['packages/wire/src/w.ts:2: yaml is not declared in packages/wire/package.json'],
  ],
  [
    'what is declared is imported',
    { 'packages/wire/package.json': declares('@x/y'), 'packages/wire/src/w.ts': '' },
    ['packages/wire/package.json:1: @x/y is declared but never imported'],
  ],
  [
    'no file cycles, types included',
    { 'packages/model/src/b.ts': "import type { X } from './c.ts';", 'packages/model/src/c.ts': "export { y } from './b.ts';" },
    ['packages/model/src/c.ts:2: import cycle: packages/model/src/b.ts -> packages/model/src/c.ts -> packages/model/src/b.ts'],
  ],
  ['files have at most 400 lines', { [a]: 'x();\n'.repeat(400) }, [`${a}:401: 401 lines; a file has at most 400`]],
  ['tables of tests may be longer', { 'packages/model/src/a.test.ts': 'x();\n'.repeat(500) }, []],
  [
    'a file starts with a header',
    { [a]: '#!/bin/sh\nlet x;' },
    [`${a}:1: no header: start with // what the file is, where it sits, what it leaves to whom`],
  ],
  ['generated files are left alone', { 'packages/wire/src/messages/generated/m.ts': "import fs from 'koffi';\n" }, []],
];
for (const [rule, files, want] of layerRows) {
  test(rule, () => {
    expect(violations(plant(files), 'layers')).toEqual([...want].sort());
  });
}

const b = 'packages/model/src/b.ts';
const unusedRows: readonly (readonly [rule: string, files: Files, want: readonly string[]])[] = [
  ['an export that is imported elsewhere is fine', { ...modelFile, [b]: "import { x as y } from './a.ts';\ny();" }, []],
  ['an export that nobody imports', modelFile, [`${a}:2: x is exported but imported nowhere`]],
  [
    'an export that only tests import',
    { ...modelFile, 'packages/model/src/a.test.ts': "import { x } from './a.ts';" },
    [`${a}:2: x is exported for tests only`],
  ],
  [
    'a rule that its own file uses may have a test of its own',
    {
      [a]: '// Says x.\nexport const x = 1;\nexport const y = x;',
      [b]: "import { y } from './a.ts';\ny;",
      'packages/model/src/a.test.ts': "import { x } from './a.ts';",
    },
    [],
  ],
  [
    'what lies under testing is there for tests',
    {
      'packages/model/src/testing/index.ts': 'export function f() {}',
      'packages/model/src/a.test.ts': "import { f } from './testing/index.ts';",
    },
    [],
  ],
  [
    'a type in the signature of an export is in use',
    { [a]: 'export interface O { n: 1 }\nexport function f(o: O) {}', [b]: "import { f } from './a.ts';\nf({ n: 1 });" },
    [],
  ],
  ['a type that stands alone is not', { [a]: 'export interface O { n: 1 }' }, [`${a}:2: O is exported but imported nowhere`]],
  ['a namespace import uses everything', { ...modelFile, [b]: "import * as a from './a.ts';\na.x;" }, []],
  [
    'a re-export counts as an import and as an export',
    { ...modelFile, [b]: "export { type x } from './a.ts';" },
    [`${b}:2: x is exported but imported nowhere`],
  ],
];
for (const [rule, files, want] of unusedRows) {
  test(rule, () => {
    expect(violations(plant(files), 'unused')).toEqual(want);
  });
}

const maskRows: readonly (readonly [rule: string, text: string, want: string])[] = [
  ['comments vanish', 'a // b\n/* c\n */ d', 'a     \n    \n    d'],
  ['strings keep their quotes', "f('a\\'b', \"c\")", 'f(\'    \', " ")'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a template is what is tested
  ['code inside templates stays', '`a${b + `c${{ d: 1 }}`}e`;f', '` ${b + ` ${{ d: 1 }}`} `;f'],
  ['regular expressions vanish, divisions stay', "x = /['/]/.test(y) / 2 / z", 'x = /    /.test(y) / 2 / z'],
  ['what never ends does no harm', "`${'", "`${'"],
];
for (const [rule, text, want] of maskRows) {
  test(`mask: ${rule}`, () => {
    expect(mask(text)).toBe(want);
  });
}
