// Rules of the sockets that capture uses: options, places, failures.
// Beside sockets.ts; needs root, and works in namespaces that it makes.
// Spoofing through the whole set of capture rules is apply-rules.kernel.test.ts.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { canonicalIp, type Ip } from '@ambient-mesh/model/address';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Netns } from './netns.ts';
import { runIn } from './run-in.ts';
import { closeFd, dialSocket, hasAddress, type ListenTcp, listenTcp, setKeepalive, setMark, udpSocket } from './sockets.ts';
import { type Joined, joinedNamespaces, leftIp, rightIp } from './testing/index.ts';
import { fdOf, socketState } from './testing/socket-state.ts';

const any4 = '0.0.0.0' as Ip;
const any6 = '::' as Ip;
const loopback = '127.0.0.1' as Ip;

let nets: Joined;
beforeAll(async () => {
  nets = await joinedNamespaces();
  // Answers to foreign sources come back to the left's own sockets; to bind them remains a privilege.
  for (const family of ['-4', '-6']) {
    await runIn(nets.left, ['ip', family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '100'], AbortSignal.timeout(10_000));
    await runIn(nets.left, ['ip', family, 'rule', 'add', 'iif', 'eth0', 'lookup', '100'], AbortSignal.timeout(10_000));
  }
});
afterAll(() => nets[Symbol.dispose]());

const fault = (fields: object) => expect.objectContaining({ fault: expect.objectContaining(fields) });
const listening = (more: Partial<ListenTcp> = {}) =>
  listenTcp({ netns: nets.right, ip: any6, port: 0, reusePort: true, transparent: 'off', ...more });

async function serve(fd: number, onConnection: (socket: Socket) => void): Promise<Server & { readonly port: number }> {
  const server = createServer(onConnection).listen({ fd });
  await once(server, 'listening');
  const address = server.address();
  return Object.assign(server, { port: typeof address === 'object' ? (address?.port ?? 0) : 0 });
}

describe('listeners', () => {
  const rows: readonly (readonly [rule: string, options: Partial<ListenTcp>, state: object, transparent: boolean])[] = [
    ['port reuse and mark, as for a pod', { mark: 1337 }, { mark: 1337, reusePort: 1, reuseAddress: 0, noDelay: 1 }, false],
    ['no port reuse when it is switched off', { mark: 1337, reusePort: false }, { mark: 1337, reusePort: 0, reuseAddress: 1 }, false],
    ['no mark when there is none', {}, { mark: 0, keepalive: 0, userTimeoutMs: 0 }, false],
    ['transparent on an IPv6 wildcard', { transparent: 'required' }, {}, true],
    ['transparent on IPv4', { ip: any4, transparent: 'best-effort' }, {}, true],
  ];
  test.each(rows)('%s', (_, options, state, transparent) => {
    const listener = listening(options);
    expect(listener.transparent).toBe(transparent);
    expect(socketState(listener.fd)).toMatchObject({ ...state, transparent: transparent ? 1 : 0 });
    closeFd(listener.fd);
  });

  test('accepted sockets inherit mark, keepalive, user time-out, no-delay and transparency', async () => {
    const listener = listening({ mark: 1337, transparent: 'required' });
    expect(setKeepalive(listener.fd, { idleS: 181, intervalS: 182, count: 9 }, 1_800_000)).toBe(true);
    const states: object[] = [];
    using server = disposable(
      await serve(listener.fd, (socket) => {
        states.push(socketState(fdOf(socket)));
        socket.end();
      }),
    );
    for (const ip of [rightIp.v4, rightIp.v6]) {
      const socket = new Socket({ fd: dialSocket({ netns: nets.left, family: ip === rightIp.v4 ? 4 : 6 }) }).connect(server.port, ip);
      await once(socket.resume(), 'close');
    }
    const inherited = { mark: 1337, noDelay: 1, transparent: 1 };
    const all = { ...inherited, keepalive: 1, keepIdleS: 181, keepIntervalS: 182, keepCount: 9, userTimeoutMs: 1_800_000 };
    expect(states).toEqual([expect.objectContaining(all), expect.objectContaining(all)]);
  });

  test('two listeners share a port with reuse on', () => {
    const first = listening({ port: 15_008 });
    const second = listening({ port: 15_008 });
    closeFd(first.fd);
    closeFd(second.fd);
  });

  test('a port in use is EADDRINUSE, says where, and leaves nothing open', () => {
    const first = listening({ port: 15_006, reusePort: false });
    const again = () => listening({ port: 15_006, reusePort: false });
    expect(again).toThrow(fault({ code: 'host.bind', name: 'EADDRINUSE', attempted: `listen on [::]:15006 in netns ${nets.right.id}` }));
    closeFd(first.fd);
    closeFd(again().fd);
  });

  test('the same port in another namespace is free', () => {
    const right = listening({ port: 15_001, reusePort: false });
    const left = listening({ netns: nets.left, port: 15_001, reusePort: false });
    closeFd(right.fd);
    closeFd(left.fd);
  });

  test('an address that is not ours is refused, unless the listener is transparent', () => {
    const foreign = { ip: '192.0.2.1' as Ip };
    expect(() => listening(foreign)).toThrow(fault({ code: 'host.bind', name: 'EADDRNOTAVAIL' }));
    closeFd(listening({ ...foreign, transparent: 'required' }).fd);
  });

  test('a namespace that has gone is a typed error', () => {
    const gone = Netns.create();
    gone[Symbol.dispose]();
    expect(() => listening({ netns: gone })).toThrow(fault({ code: 'host.setns', name: 'EBADF' }));
  });
});

describe('dialling', () => {
  test('an outgoing socket is marked and has no port reuse', () => {
    const fd = dialSocket({ netns: nets.left, family: 4, mark: 1337 });
    expect(socketState(fd)).toMatchObject({ mark: 1337, reusePort: 0, noDelay: 1 });
    closeFd(fd);
  });

  test('it starts in its own namespace, whichever thread connects it', async () => {
    const listener = listenTcp({ netns: nets.left, ip: loopback, port: 0, reusePort: false, transparent: 'off' });
    using server = disposable(await serve(listener.fd, (socket) => socket.end('left')));
    const connect = (netns: Netns) => new Socket({ fd: dialSocket({ netns, family: 4 }) }).connect(server.port, loopback);
    const [answer] = await once(connect(nets.left), 'data');
    expect(String(answer)).toBe('left');
    const [refusal] = await once(connect(nets.right), 'error');
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a namespace without a route gives ENETUNREACH', async () => {
    using alone = Netns.create();
    const [refusal] = await once(new Socket({ fd: dialSocket({ netns: alone, family: 4 }) }).connect(80, '192.0.2.1'), 'error');
    expect(refusal).toMatchObject({ code: 'ENETUNREACH' });
  });

  const foreign: readonly (readonly [rule: string, from: Ip, to: Ip, family: 4 | 6])[] = [
    ['a foreign IPv4 source is shown to the peer', '192.0.2.7' as Ip, rightIp.v4, 4],
    ['a foreign IPv6 source is shown to the peer', '2001:db8::7' as Ip, rightIp.v6, 6],
    ['the family of the source wins', '192.0.2.8' as Ip, rightIp.v4, 6],
  ];
  test.each(foreign)('%s', async (_, from, to, family) => {
    const listener = listening();
    using server = disposable(await serve(listener.fd, (socket) => socket.end(`${socket.remoteAddress}`)));
    const socket = new Socket({ fd: dialSocket({ netns: nets.left, family, from }) }).connect(server.port, to);
    socket.setEncoding('utf8');
    const [seen] = await once(socket, 'data');
    expect(canonicalIp(String(seen))).toBe(from);
  });

  test('one source address is not limited to one set of ports', () => {
    const from = leftIp.v4;
    const fds = Array.from({ length: 200 }, () => dialSocket({ netns: nets.left, family: 4, from }));
    for (const fd of fds) closeFd(fd);
  });

  test('marking needs a socket', () => {
    expect(() => setMark(99_999, 1)).toThrow(fault({ code: 'host.setsockopt', name: 'EBADF' }));
  });
});

describe('addresses', () => {
  const rows: readonly (readonly [rule: string, ip: Ip, has: boolean])[] = [
    ['an IPv4 address of its own', leftIp.v4, true],
    ['an IPv6 address of its own', leftIp.v6, true],
    ['its loopback', loopback, true],
    ['an IPv4 address of another', rightIp.v4, false],
    ['an IPv6 address of another', rightIp.v6, false],
  ];
  test.each(rows)('a namespace has %s: %s, %s', (_, ip, has) => {
    expect(hasAddress(ip, nets.left)).toBe(has);
  });
});

describe('datagrams', () => {
  test('a socket of another namespace works in dgram', async () => {
    const fd = udpSocket({ netns: nets.right, ip: any6, port: 15_053, reusePort: true, mark: 1337 });
    expect(socketState(fd)).toMatchObject({ mark: 1337, reusePort: 1 });
    using server = disposable(createSocket('udp6').bind({ fd }));
    server.on('message', (bytes, from) => server.send(`${bytes} from ${from.address}`, from.port, from.address));
    const client = createSocket('udp4').bind({ fd: udpSocket({ netns: nets.left, ip: any4, port: 0, reusePort: false }) });
    client.send('hello', 15_053, rightIp.v4);
    const [answer] = await once(client, 'message');
    expect(String(answer)).toBe(`hello from ::ffff:${leftIp.v4}`);
    client.close();
  });

  test('a port in use is EADDRINUSE', () => {
    const options = { netns: nets.right, ip: loopback, port: 15_054, reusePort: true };
    const first = udpSocket(options);
    closeFd(udpSocket(options));
    expect(() => udpSocket({ ...options, reusePort: false })).toThrow(fault({ code: 'host.bind', name: 'EADDRINUSE' }));
    closeFd(first);
  });
});

function disposable<T extends { close(): unknown }>(it: T): T & Disposable {
  return Object.assign(it, { [Symbol.dispose]: () => void it.close() });
}
