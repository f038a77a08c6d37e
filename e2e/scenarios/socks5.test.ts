// The SOCKS5 entry, which is off by default: by address, by service and by a name that the DNS proxy knows; without a node name too.
import type { Socket } from 'node:net';
import { parseIp } from '@ambient-mesh/model/address';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialIn } from '../lab/http.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import { ports, service } from '../lab/resources.ts';
import { helloAnswered } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;
const ip = (text: string) => parseIp(text) ?? expect.fail(text);

let lab: Lab;
let b: Node;
let pods: Record<'server' | 'plain', Pod>;

beforeAll(async () => {
  lab = await Lab.start();
  b = await lab.node('b');
  await b.ztunnel();
  const api = service({ name: 'api', vip: ip('10.99.0.20') });
  await lab.controlPlane.put(api);
  const [server, plain] = await Promise.all([
    b.pod({ name: 'server', captured: true, servers, workload: { services: new Map([[`default/${api.hostname}`, ports({ 80: 8080 })]]) } }),
    b.pod({ name: 'plain', servers }),
  ]);
  pods = { server, plain };
});
afterAll(() => lab?.[Symbol.asyncDispose]());

/** Resolves with the next `bytes` bytes, or with fewer at the end. */
function read(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let got = Buffer.alloc(0);
    const more = (chunk: Buffer): void => {
      got = Buffer.concat([got, chunk]);
      if (got.length >= bytes) done();
    };
    const done = (): void => {
      socket.off('data', more);
      resolve(got);
    };
    socket.on('data', more);
    socket.once('end', done);
    socket.once('close', done);
  });
}

/** Opens `host:port` through the entry; the reply code, and what a `hello world` brought back when it was 0. */
async function throughSocks(from: Pod, host: string, port: number): Promise<{ readonly reply: number; readonly text: string }> {
  const socket = dialIn(from.netns, '127.0.0.1', 15080);
  socket.on('error', () => {});
  socket.write(Buffer.of(5, 1, 0));
  expect(await read(socket, 2)).toEqual(Buffer.of(5, 0));
  const v4 = parseIp(host);
  const target = v4 === undefined ? Buffer.of(3, host.length, ...Buffer.from(host)) : Buffer.of(1, ...v4.split('.').map(Number));
  socket.write(Buffer.concat([Buffer.of(5, 1, 0), target, Buffer.of(port >> 8, port & 255)]));
  const reply = (await read(socket, 10)).at(1) ?? -1;
  let text = '';
  if (reply === 0) {
    const answer = read(socket, 22);
    socket.write('hello world');
    text = (await answer).toString();
  }
  socket.destroy();
  return { reply, text };
}

const rows: readonly (readonly [name: string, env: Readonly<Record<string, string>>])[] = [
  ['with a node name', {}],
  ['without a node name', { NODE_NAME: '' }],
];
for (const [index, [name, env]] of rows.entries()) {
  describe(name, () => {
    let client: Pod;
    beforeAll(async () => {
      const node = await lab.node(`socks-${index}`);
      await node.ztunnel({ env: { UNSTABLE_ENABLE_SOCKS5: 'true', ...env } });
      client = await node.pod({ name: `client-${index}`, captured: true });
    });
    const targets: readonly (readonly [name: string, host: () => string, port: number])[] = [
      ['a workload in the mesh', () => pods.server.ip, 8080],
      ['a workload outside the mesh', () => pods.plain.ip, 8080],
      ['a service by its VIP', () => '10.99.0.20', 80],
      ['a service by its name', () => 'api.default.svc.cluster.local', 80],
    ];
    for (const [target, host, port] of targets) {
      test(target, async () => {
        expect(await throughSocks(client, host(), port)).toEqual({ reply: 0, text: helloAnswered.text });
      });
    }
  });
}
