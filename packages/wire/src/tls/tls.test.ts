// Handshakes between our client and our server, and with strangers: who gets in, who does not, and what the fault says.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { RevocationSet } from '@ambient-mesh/identity/revocation';
import { type OddName, oddNames, testAuthority } from '@ambient-mesh/identity/testing';
import { contextFor, tlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { dialPlain, never } from '../testing/hbone-tls.ts';
import { connectTls, type Secured } from './client.ts';
import { type AcceptorOptions, TlsAcceptor } from './server.ts';

const authority = testAuthority();
const stranger = testAuthority();
const elsewhere = testAuthority({ trustDomain: 'other.example' });
const server = authority.id('prod', 'server');
const client = authority.id('prod', 'client');
const serverCredentials = authority.credentials(server);
const clientCredentials = authority.credentials(client);

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

interface Trial {
  readonly serverCredentials?: Credentials;
  readonly clientCredentials?: Credentials;
  readonly expected?: readonly SpiffeId[];
  readonly acceptor?: Partial<AcceptorOptions>;
  readonly revocations?: () => RevocationSet;
}

/** Both ends of a handshake: what each resolved to, or its fault. */
async function shake(trial: Trial): Promise<{ near: Secured | MeshError<{ code: string }>; far: Secured | MeshError<{ code: string }> }> {
  const acceptor = new TlsAcceptor({ policy: tlsPolicy(), clock: systemClock, ...trial.acceptor });
  const farEnd = Promise.withResolvers<Secured>();
  const listener = createServer((raw) => {
    const handshake = { credentials: trial.serverCredentials ?? serverCredentials, who: 'the client' };
    acceptor.accept(raw, { ...handshake, revocations: trial.revocations }, never).then(farEnd.resolve, farEnd.reject);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.push(() => listener.close());
  const raw = await dialPlain({ ip: '127.0.0.1' as never, port: (listener.address() as AddressInfo).port });
  cleanup.push(() => raw.destroy());
  const nearEnd = connectTls(
    raw,
    {
      credentials: trial.clientCredentials ?? clientCredentials,
      policy: tlsPolicy(),
      expected: trial.expected ?? [server],
      who: 'the server',
      clock: systemClock,
    },
    never,
  );
  const [near, far] = await Promise.all([nearEnd.catch(asFault), farEnd.promise.catch(asFault)]);
  for (const end of [near, far]) if ('socket' in end) cleanup.push(() => end.socket.destroy());
  return { near, far };
}

function asFault(e: unknown): MeshError<{ code: string }> {
  if (e instanceof MeshError) return e;
  throw e;
}

const codeOf = (end: Secured | MeshError<{ code: string }>): string => ('socket' in end ? 'ok' : end.fault.code);

describe('mutual TLS between our own ends', () => {
  test('each learns the other: identity, chain, roots', async () => {
    const { near, far } = await shake({});
    if (!('socket' in near) || !('socket' in far)) throw new Error(`${codeOf(near)} ${codeOf(far)}`);
    expect(near.peer.identity).toEqual(server);
    expect(far.peer.identity).toEqual(client);
    expect(near.peer.chain).toHaveLength(1);
    expect(far.peer.chain).toHaveLength(1);
    expect(far.peer.rootsPem).toEqual(serverCredentials.rootsPem);
    expect([near.socket.getProtocol(), near.socket.alpnProtocol, far.socket.alpnProtocol]).toEqual(['TLSv1.3', 'h2', 'h2']);
    expect(near.socket.isSessionReused()).toBe(false);
    expect(far.socket.servername).toBe(false);
  });

  test('intermediates are in the chain, the root is not', async () => {
    const deep = testAuthority({ intermediate: true });
    const trial = { serverCredentials: deep.credentials(server), clientCredentials: deep.credentials(client) };
    const { near, far } = await shake(trial);
    if (!('socket' in near) || !('socket' in far)) throw new Error(`${codeOf(near)} ${codeOf(far)}`);
    expect([near.peer.chain.length, far.peer.chain.length]).toEqual([2, 2]);
  });

  const rows: readonly (readonly [rule: string, trial: Trial, near: string | undefined, far: string | undefined])[] = [
    ['one of several expected identities is enough', { expected: [client, server] }, 'ok', 'ok'],
    ['a server that is somebody else is refused', { expected: [authority.id('prod', 'other')] }, 'tls.peer', undefined],
    ['nobody expected means that nobody is accepted', { expected: [] }, 'tls.peer', undefined],
    ['a server of another authority is refused', { serverCredentials: stranger.credentials(server) }, 'tls.failed', undefined],
    [
      'a client of another authority is refused',
      { clientCredentials: { ...stranger.credentials(client), rootsPem: serverCredentials.rootsPem } },
      undefined,
      'tls.failed',
    ],
    [
      'a client of another trust domain is refused although its authority is trusted',
      {
        clientCredentials: { ...elsewhere.credentials(elsewhere.id('a', 'b')), rootsPem: serverCredentials.rootsPem },
        serverCredentials: { ...serverCredentials, rootsPem: [...serverCredentials.rootsPem, ...elsewhere.rootsPem] },
      },
      undefined,
      'tls.peer',
    ],
    ['a revoked client is refused', { revocations: revokedClient }, undefined, 'tls.revoked'],
  ];
  for (const [rule, trial, wantNear, wantFar] of rows) {
    test(rule, async () => {
      const { near, far } = await shake(trial);
      if (wantNear !== undefined) expect(codeOf(near)).toBe(wantNear);
      if (wantFar !== undefined) expect(codeOf(far)).toBe(wantFar);
    });
  }

  test('a client that is revoked while the handshake runs is refused too', async () => {
    let lists = RevocationSet.none;
    const begun: typeof systemClock.after = (...timer) => {
      lists = revokedClient();
      return systemClock.after(...timer);
    };
    const { far } = await shake({ revocations: () => lists, acceptor: { clock: { ...systemClock, after: begun } } });
    expect(codeOf(far)).toBe('tls.revoked');
  });

  test('the environment cannot switch the check of servers off', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    cleanup.push(() => vi.unstubAllEnvs());
    const { near } = await shake({ serverCredentials: stranger.credentials(server) });
    expect(codeOf(near)).toBe('tls.failed');
  });

  function revokedClient(): RevocationSet {
    const set = RevocationSet.parse(Buffer.from(authority.crl(clientCredentials.certChainPem)));
    if ('mistake' in set) throw new Error(set.mistake);
    return set;
  }
});

describe('odd certificates', () => {
  const odd = (name: OddName) => authority.odd(name, server);
  const fineForClients: readonly OddName[] = ['client usage only'];
  const fineForServers: readonly OddName[] = ['server usage only', 'several identities'];
  for (const name of oddNames.filter((n) => !fineForServers.includes(n))) {
    test(`the client refuses a server with: ${name}`, async () => {
      const { near } = await shake({ serverCredentials: odd(name) });
      expect(codeOf(near)).not.toBe('ok');
    });
  }
  for (const name of oddNames.filter((n) => !fineForClients.includes(n))) {
    test(`the server refuses a client with: ${name}`, async () => {
      const { far } = await shake({ clientCredentials: odd(name) });
      expect(codeOf(far)).not.toBe('ok');
    });
  }
});

describe('strangers', () => {
  async function acceptOne(visit: (port: number) => void, timeoutMs = 10_000): Promise<MeshError<{ code: string }>> {
    const acceptor = new TlsAcceptor({ policy: tlsPolicy(), clock: systemClock, timeoutMs });
    const outcome = Promise.withResolvers<Secured>();
    // As a pod's listener makes its sockets.
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (raw) => {
      acceptor.accept(raw, { credentials: serverCredentials, who: 'the client' }, never).then(outcome.resolve, outcome.reject);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    cleanup.push(() => listener.close());
    visit((listener.address() as AddressInfo).port);
    return asFault(
      await outcome.promise.then(
        () => new Error('accepted'),
        (e: unknown) => e,
      ),
    );
  }
  const quiet = <S extends Socket | TLSSocket>(socket: S): S => {
    socket.on('error', () => {});
    cleanup.push(() => socket.destroy());
    return socket;
  };

  test('a client without a certificate is refused', async () => {
    const fault = await acceptOne((port) =>
      quiet(tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })),
    );
    expect(fault.fault.code).toBe('tls.failed');
  });

  test('a client that offers only another protocol is refused', async () => {
    const secureContext = contextFor(clientCredentials, tlsPolicy());
    const fault = await acceptOne((port) =>
      quiet(tlsConnect({ port, host: '127.0.0.1', secureContext, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })),
    );
    expect(fault.fault.code).toBe('tls.failed');
  });

  test('TLS 1.2 is refused unless allowed', async () => {
    const secureContext = contextFor(clientCredentials, tlsPolicy({ tls12: true }));
    const options = { host: '127.0.0.1', secureContext, rejectUnauthorized: false, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] } as const;
    const fault = await acceptOne((port) =>
      quiet(
        tlsConnect({
          ...options,
          secureContext: undefined,
          cert: clientCredentials.certChainPem,
          key: clientCredentials.keyPem,
          port,
        } as never),
      ),
    );
    expect(fault.fault.code).toBe('tls.failed');
  });

  test('plain text is refused', async () => {
    const fault = await acceptOne((port) => quiet(connect(port, '127.0.0.1')).write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(fault.fault.code).toBe('tls.failed');
  });

  test('a client that goes away in the middle is reported as gone', async () => {
    const fault = await acceptOne((port) => quiet(connect(port, '127.0.0.1')).end());
    expect(fault.fault.code).toBe('tls.closed');
  });

  test('half a ClientHello and an end are not waited for', async () => {
    const fault = await acceptOne((port) => quiet(connect(port, '127.0.0.1')).end(Buffer.from('160301020001000', 'hex')));
    expect(fault.fault.code).toBe('tls.closed');
  });

  test('a client that says nothing is dropped after the time limit', async () => {
    const fault = await acceptOne((port) => quiet(connect(port, '127.0.0.1')), 50);
    expect(fault.fault).toEqual({ code: 'tls.timeout', afterMs: 50 });
  });

  test('a server that says nothing is given up after the time limit', async () => {
    const listener = createServer((raw) => quiet(raw));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    cleanup.push(() => listener.close());
    const raw = await dialPlain({ ip: '127.0.0.1' as never, port: (listener.address() as AddressInfo).port });
    const handshake = {
      credentials: clientCredentials,
      policy: tlsPolicy(),
      expected: [server],
      who: '10.0.0.9:15008',
      clock: systemClock,
    };
    const failure = await connectTls(raw, { ...handshake, timeoutMs: 50 }, never).catch(asFault);
    expect(codeOf(failure)).toBe('tls.timeout');
    expect('message' in failure && failure.message).toContain('10.0.0.9:15008');
  });

  test('a server name in the certificate does not stand in for an identity', async () => {
    const tlsServer = createTlsServer({ cert: serverCredentials.certChainPem, key: serverCredentials.keyPem, ALPNProtocols: ['h2'] }, (s) =>
      quiet(s),
    );
    tlsServer.listen(0, '127.0.0.1');
    await once(tlsServer, 'listening');
    cleanup.push(() => tlsServer.close());
    const raw = await dialPlain({ ip: '127.0.0.1' as never, port: (tlsServer.address() as AddressInfo).port });
    const handshake = { credentials: clientCredentials, policy: tlsPolicy(), expected: [client], who: 'the server', clock: systemClock };
    const failure = await connectTls(raw, handshake, never).catch(asFault);
    expect(codeOf(failure)).toBe('tls.peer');
  });
});
