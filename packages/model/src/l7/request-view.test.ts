// Taking requests apart: no query makes it fail, and one that was written properly reads as it was written.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request } from '../testing/routes.ts';
import { RequestView } from './request-view.ts';

test('parameters read as they were written; of several the first counts', () => {
  const pairs = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 6 });
  fc.assert(
    fc.property(pairs, (written) => {
      const query = written.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
      const view = new RequestView(request(`/a?${query}`));
      for (const [name] of written) expect(view.parameter(name)).toBe(written.find(([other]) => other === name)?.[1]);
    }),
  );
});

test('any path at all can be asked', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (path, name) => {
      const view = new RequestView(request(path));
      expect(path.startsWith(view.path)).toBe(true);
      view.parameter(name);
    }),
  );
});

test('cookies are joined as cookies', () => {
  const headers = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ] as const;
  expect(new RequestView({ ...request('/'), headers }).header('cookie')).toBe('a=1; b=2');
});
