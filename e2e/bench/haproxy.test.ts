// Which side of the relays speaks TLS.
import { expect, test } from 'vitest';
import { type Cover, haproxyText } from './haproxy.ts';

const relays = [{ name: 'http', listen: 19080, to: '10.0.2.1:19443' }];

const rows: readonly (readonly [name: string, cover: Cover, bind: RegExp, server: RegExp])[] = [
  ['a plain relay speaks TLS on no side', 'none', /bind :::19080 v4v6$/m, /server only 10\.0\.2\.1:19443$/m],
  [
    'the near half of a pair shows and checks certificates towards the server',
    'towards server',
    /v4v6$/m,
    /:19443 ssl crt .* verify required$/m,
  ],
  ['the far half does so towards the client', 'towards client', /v4v6 ssl crt .* verify required$/m, /:19443$/m],
];
for (const [name, cover, bind, server] of rows) {
  test(name, () => {
    const text = haproxyText(relays, cover);
    expect(text).toMatch(bind);
    expect(text).toMatch(server);
    expect(text).toMatch(/nbthread 1$/m);
  });
}
