// The lab's own servers tested against one another, so that a failing scenario accuses the mesh and not its stand-ins.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hboneRequest } from './hbone-client.ts';
import { Lab } from './lab.ts';
import type { Pod } from './pod.ts';
import { watchWire } from './wire-watch.ts';

let lab: Lab;
let client: Pod;
let server: Pod;

beforeAll(async () => {
  lab = await Lab.start();
  const [a, b] = [await lab.node('a'), await lab.node('b')];
  [client, server] = await Promise.all([a.pod({ name: 'client' }), b.pod({ name: 'server', servers: { 8080: { kind: 'echo' } } })]);
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const credentials = (account: string) => lab.controlPlane.authority.credentials(lab.controlPlane.authority.id('default', account));

test('an HBONE echo writes its marker, echoes, returns baggage and remembers the request', async () => {
  await server.serve(15008, { kind: 'hbone', marker: 'gw', baggage: 'a=b', ...credentials('server') });
  const target = { netns: client.netns, to: server.ip, authority: 'x.example:80', rootsPem: lab.controlPlane.authority.rootsPem };
  await using answer = await hboneRequest({ ...target, credentials: credentials('client') });
  expect(answer).toMatchObject({ status: 200, headers: { baggage: 'a=b' } });
  expect(await answer.exchange('hello', 8)).toBe('gw\nhello');
  expect(await server.app.ask('hboneRequests', {})).toMatchObject([{ ':method': 'CONNECT', ':authority': 'x.example:80' }]);
  await expect(hboneRequest(target)).rejects.toThrow();
});

test('a PROXY header directs the relay and is remembered', async () => {
  await server.serve(15088, { kind: 'proxy-protocol' });
  const identity = Buffer.from('spiffe://td/ns/n/sa/s').toString('latin1');
  const addresses = `\x0a\x00\x01\x01\x7f\x00\x00\x01\x30\x39${String.fromCharCode(8080 >> 8, 8080 & 255)}`;
  const tlv = `\xd0\x00${String.fromCharCode(identity.length)}${identity}`;
  const header = `\r\n\r\n\0\r\nQUIT\n\x21\x11\x00${String.fromCharCode(addresses.length + tlv.length)}${addresses}${tlv}`;
  expect(await client.call(`${server.ip}:15088`, { send: `${header}hello`, until: 5 })).toMatchObject({
    outcome: 'answered',
    text: 'hello',
  });
  expect(await server.app.ask('proxyHeaders', {})).toEqual([{ source: '10.0.1.1:12345', destination: '127.0.0.1:8080', identity }]);
});

test('the DNS stand-in answers and denies over both transports', async () => {
  await server.serve(53, { kind: 'dns', records: { 'a.example': ['192.0.2.1'] } });
  for (const over of ['udp', 'tcp'] as const) {
    const ask = (name: string) => client.app.ask('dns', { server: `${server.ip}:53`, name, type: 'A', over });
    expect(await ask('a.example')).toEqual({ code: 0, authoritative: false, addresses: ['192.0.2.1'] });
    expect(await ask('b.example')).toEqual({ code: 3, authoritative: false, addresses: [] });
  }
});

test('an open connection is exchanged on, and its end is seen', async () => {
  const opened = await client.app.ask('open', { to: `${server.ip}:8080` });
  for (const text of ['one', 'two'])
    expect(await client.app.ask('exchange', { ...opened, send: text, until: 3 })).toMatchObject({ outcome: 'answered', text });
  expect(await client.app.ask('ended', { ...opened, timeoutMs: 50 })).toBe('silent');
  await client.app.ask('close', opened);
});

test('the wire watch tells port 15008 from others, between nodes only', async () => {
  using wire = watchWire(lab.underlay);
  await client.call(`${server.ip}:8080`, { send: 'x', until: 1 });
  const { hbone, other } = wire.crossed();
  expect(hbone).toBe(0);
  expect(other).toBeGreaterThan(4);
});

test('a captured pod without a ztunnel reaches nobody', async () => {
  const pod = await (await lab.node('c')).pod({ name: 'captured', captured: true });
  for (const address of [server.addresses.v4, `[${server.addresses.v6}]`]) {
    expect(await pod.call(`${address}:8080`)).toMatchObject({ outcome: 'not-connected', code: 'ECONNREFUSED' });
  }
  expect(await client.call(`${pod.ip}:8080`)).toMatchObject({ outcome: 'not-connected' });
});
