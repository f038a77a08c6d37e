// Where redirects lead: scheme, host and port each by its own rule. The official rows are in mesh-routes.test.ts.
import { describe, expect, test } from 'vitest';
import { locationOf, type Redirect } from './redirect.ts';

describe('locationOf', () => {
  const rows: readonly (readonly [rule: string, authority: string, filter: Partial<Redirect>, location: string])[] = [
    ['the port that was dialled, not the one that was written', 'echo:9999', {}, 'http://echo:8080/a?q'],
    ['of a scheme that is given, its own port', 'echo:8080', { scheme: 'https' }, 'https://echo/a?q'],
    ['even the same scheme', 'echo:8080', { scheme: 'http' }, 'http://echo/a?q'],
    ['a port that is given', 'echo', { scheme: 'https', port: 80 }, 'https://echo:80/a?q'],
    ['which is left out if it is that of the scheme', 'echo', { scheme: 'https', port: 443 }, 'https://echo/a?q'],
    ['the port as the client wrote it', 'echo:9999', { portFrom: 'request', scheme: 'https' }, 'https://echo:9999/a?q'],
    ['or did not write it', 'echo', { portFrom: 'request' }, 'http://echo/a?q'],
    ['the port of the scheme', 'echo:9999', { portFrom: 'scheme' }, 'http://echo/a?q'],
    ['IPv6 keeps its brackets', '[::1]:9999', { portFrom: 'request' }, 'http://[::1]:9999/a?q'],
    ['IPv6 without port', '[::1]', {}, 'http://[::1]:8080/a?q'],
  ];
  for (const [name, authority, filter, location] of rows)
    test(name, () =>
      expect(locationOf({ scheme: 'http', authority, path: '/a?q' }, { filter: 'redirect', status: 302, ...filter }, 8080)).toBe(location),
    );
});
