// What the lines of a watch mean, the senseless ones too.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKubeError, statusOf } from './errors.ts';
import { readWatchEvent } from './watch-event.ts';

const read = (line: string) => readWatchEvent(line, 'watch things');
const object = { metadata: { namespace: 'a', name: 'x', resourceVersion: '7' } };

test('an object comes with its key and version', () => {
  for (const [type, wanted] of [
    ['ADDED', 'put'],
    ['MODIFIED', 'put'],
    ['DELETED', 'remove'],
  ] as const) {
    expect(read(JSON.stringify({ type, object }))).toEqual({ type: wanted, key: 'a/x', version: '7', raw: object });
  }
});

test('a bookmark is a version', () => {
  expect(read('{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9"}}}')).toEqual({
    type: 'bookmark',
    version: '9',
  });
});

test('an error is the status that it carries', () => {
  const event = read('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}');
  expect(event.type === 'error' && statusOf(event.why)).toBe(410);
  expect(event.type === 'error' && event.why.message).toBe('watch things: 410 Expired: too old');
});

test('whatever a server sends is an event or a fault of ours', () => {
  const types = fc.constantFrom('ADDED', 'DELETED', 'BOOKMARK', 'ERROR', 'toString', '__proto__', '');
  const event = fc.record({ type: types, object: fc.oneof(fc.jsonValue(), fc.record({ metadata: fc.jsonValue(), code: fc.jsonValue() })) });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        event.map((each) => JSON.stringify(each)),
      ),
      (line) => {
        try {
          expect(['put', 'remove', 'bookmark', 'error']).toContain(read(line).type);
        } catch (e) {
          expect(isKubeError(e) && e.fault.code).toBe('kube.bad-answer');
        }
      },
    ),
  );
});
