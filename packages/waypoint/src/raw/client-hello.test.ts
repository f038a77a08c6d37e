// The server name in real ClientHellos, however they are cut, and in what only looks like one.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { readServerName } from './client-hello.ts';

/** What a TLS client of Node sends first. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection');
  const client = connectTls({
    socket: connect(port, '127.0.0.1'),
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: false,
  });
  client.on('error', () => {});
  const [socket] = await accepted;
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

test('the name of a real client', async () =>
  expect(readServerName(await helloOf('Shop.Example.org'))).toEqual({ sni: 'shop.example.org' }));
test('a client that names nobody', async () => expect(readServerName(await helloOf(undefined))).toEqual({ sni: '' }));
test('more bytes are needed until the message is whole, wherever it is cut', async () => {
  const hello = await helloOf('a.example');
  for (let at = 0; at < hello.length; at++) expect(readServerName(hello.subarray(0, at))).toBeUndefined();
});
test('in several records', async () => {
  const hello = await helloOf('a.example');
  const body = hello.subarray(5);
  const record = (part: Buffer): Buffer => Buffer.concat([Buffer.of(0x16, 3, 1, part.length >> 8, part.length & 255), part]);
  for (const cut of [1, 4, 40, body.length - 1])
    expect(readServerName(Buffer.concat([record(body.subarray(0, cut)), record(body.subarray(cut))]))).toEqual({ sni: 'a.example' });
});
test('something else', () => {
  for (const text of ['GET / HTTP/1.1\r\n', '\x16\x03\x01\x00\x05\x02\0\0\x01\0', '\x15\x03\x01\0\x02\0\0'])
    expect(readServerName(Buffer.from(text, 'latin1'))).toEqual({ sni: '' });
});
test('random octets never throw', () => {
  let state = 7;
  for (let turn = 0; turn < 5_000; turn++) {
    const bytes = Buffer.alloc(200, 0).map(() => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
    bytes.set([0x16, 3, 1, 0, 190, 1, 0, 0, 150]);
    readServerName(Buffer.from(bytes));
  }
});
