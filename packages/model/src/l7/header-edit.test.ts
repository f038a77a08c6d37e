// What header edits change, and what they never touch.
import { describe, expect, test } from 'vitest';
import { applyEdit, badEdit } from './header-edit.ts';
import type { Headers } from './request-facts.ts';
import type { HeaderEdit } from './route.ts';

const nothing: HeaderEdit = { set: [], add: [], remove: [] };
const a: Headers = [
  ['a', '1'],
  ['b', '2'],
  ['a', '3'],
];

describe('applyEdit', () => {
  const rows: readonly (readonly [rule: string, headers: Headers, edit: Partial<HeaderEdit>, result: Headers])[] = [
    ['nothing', a, {}, a],
    [
      'set replaces all of the name',
      a,
      { set: [['A', '9']] },
      [
        ['b', '2'],
        ['a', '9'],
      ],
    ],
    [
      'add joins the last with a bare comma',
      a,
      { add: [['a', '9']] },
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '3,9'],
      ],
    ],
    ['add makes what is not there', [], { add: [['A', '9']] }, [['a', '9']]],
    [
      'cookies that are set stay apart',
      [['set-cookie', 'a=b']],
      { add: [['set-cookie', 'c=d']] },
      [
        ['set-cookie', 'a=b'],
        ['set-cookie', 'c=d'],
      ],
    ],
    ['remove takes all of the name', a, { remove: ['A'] }, [['b', '2']]],
    ['framing stays', [['content-length', '3']], { set: [['Content-Length', '4']], remove: ['content-length'] }, [['content-length', '3']]],
    ['nothing about the connection is added', [], { add: [['transfer-encoding', 'chunked']], set: [['connection', 'close']] }, []],
    ['pseudo-headers are not headers', [], { add: [[':path', '/x']], set: [[':method', 'PUT']] }, []],
  ];
  for (const [name, headers, edit, result] of rows)
    test(name, () => expect(applyEdit(headers, { ...nothing, ...edit })).toEqual({ headers: result }));

  test('host is the authority', () => {
    expect(applyEdit([], { ...nothing, set: [['Host', 'x']] })).toEqual({ headers: [], authority: 'x' });
    expect(applyEdit([], { ...nothing, set: [[':authority', 'x']] })).toEqual({ headers: [], authority: 'x' });
  });
});

describe('badEdit', () => {
  const rows: readonly (readonly [edit: Partial<HeaderEdit>, bad: string | undefined])[] = [
    [{ set: [['a', '1']], add: [['X-B', 'ü\t']], remove: ['c'] }, undefined],
    [{ set: [['a:', '1']] }, 'invalid header name "a:"'],
    [{ remove: [''] }, 'invalid header name ""'],
    [{ add: [['a', '1\n']] }, 'invalid value of header a'],
    [{ set: [['a', '€']] }, 'invalid value of header a'],
  ];
  for (const [edit, bad] of rows) test(JSON.stringify(edit), () => expect(badEdit({ ...nothing, ...edit })).toBe(bad));
});
