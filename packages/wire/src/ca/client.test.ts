// The certificate service client against a gRPC server that shares no code with it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, describe, expect, test } from 'vitest';
import type { GrpcTarget } from '../grpc/target.ts';
import type { IstioCertificateRequest } from '../messages/generated/citadel_pb.js';
import { TestControlPlane, type TestControlPlaneOptions } from '../testing/index.ts';
import { CaClient } from './client.ts';

const authority = testAuthority();
const server = authority.custom({ subject: { commonName: 'localhost' }, uris: [] });
const identity = authority.id('ns', 'sa');
const request = { csrPem: 'CSR', identity, ttlSeconds: 86_400, impersonate: true };
const never = new AbortController().signal;

let scene = new AsyncDisposableStack();
afterEach(async () => {
  await scene.disposeAsync();
  scene = new AsyncDisposableStack();
});

async function authorityServer(options: Partial<TestControlPlaneOptions>): Promise<TestControlPlane> {
  return scene.use(await TestControlPlane.listen({ ...server, ...options }));
}

const targetOf = (port: number, changes: Partial<GrpcTarget> = {}): GrpcTarget => ({
  host: 'localhost',
  port,
  root: { literal: server.rootsPem.join('') },
  headers: [['clusterid', 'Kubernetes']],
  token: { literal: 'secret' },
  ...changes,
});

describe('a request', () => {
  const asked: { request: IstioCertificateRequest; headers: Headers }[] = [];
  const sign = (request: IstioCertificateRequest, headers: Headers): readonly string[] => {
    asked.push({ request, headers });
    return ['leaf', 'root'];
  };

  test('carries CSR, lifetime, token and cluster, and names the identity it is for', async () => {
    const plane = await authorityServer({ sign });
    expect(await new CaClient(targetOf(plane.port), systemClock).sign(request, never)).toEqual({ chainPem: ['leaf', 'root'] });
    const last = asked.at(-1);
    expect(last?.request).toMatchObject({ csr: 'CSR', validityDuration: 86_400n, metadata: { ImpersonatedIdentity: identity.uri } });
    expect(last?.headers.get('authorization')).toBe('Bearer secret');
    expect(last?.headers.get('clusterid')).toBe('Kubernetes');
  });

  test('on its own behalf has no metadata', async () => {
    const plane = await authorityServer({ sign });
    await new CaClient(targetOf(plane.port), systemClock).sign({ ...request, impersonate: false }, never);
    expect(asked.at(-1)?.request.metadata).toBeUndefined();
  });

  test('shares a connection with those that overlap, and opens another later', async () => {
    const plane = await authorityServer({ sign: () => ['leaf', 'root'] });
    const client = new CaClient(targetOf(plane.port), systemClock);
    await Promise.all([1, 2, 3].map(() => client.sign(request, never)));
    expect(plane.connections).toBe(1);
    await client.sign(request, never);
    expect(plane.connections).toBe(2);
  });

  test('trusts the root that is in the file now', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ca-'));
    scene.defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'root.pem');
    const plane = await authorityServer({ sign: () => ['leaf', 'root'] });
    const client = new CaClient(targetOf(plane.port, { root: { file } }), systemClock);
    await expect(client.sign(request, never)).rejects.toMatchObject({ fault: { code: 'ca.unreachable' } });
    writeFileSync(file, testAuthority().rootsPem.join(''));
    await expect(client.sign(request, never)).rejects.toMatchObject({ fault: { code: 'ca.unreachable' } });
    writeFileSync(file, server.rootsPem.join(''));
    expect(await client.sign(request, never)).toBeDefined();
  });
});

describe('a failure is one typed fault that names the identity:', () => {
  test('a refusal has its gRPC status', async () => {
    const plane = await authorityServer({
      sign: () => {
        throw new ConnectError('not your pod', Code.PermissionDenied);
      },
    });
    const failure = new CaClient(targetOf(plane.port), systemClock).sign(request, never);
    await expect(failure).rejects.toMatchObject({
      fault: { code: 'ca.refused', status: 7 },
      message: expect.stringContaining(identity.uri),
    });
  });

  test('a server that is not there is unreachable', async () => {
    await expect(new CaClient(targetOf(1), systemClock).sign(request, never)).rejects.toMatchObject({ fault: { code: 'ca.unreachable' } });
  });

  test('a connection that breaks is unreachable, and the next call has a new one', async () => {
    const plane: TestControlPlane = await authorityServer({
      sign: () => {
        if (plane.connections > 1) return ['leaf', 'root'];
        plane.cut();
        return [];
      },
    });
    const client = new CaClient(targetOf(plane.port), systemClock);
    await expect(client.sign(request, never)).rejects.toMatchObject({ fault: { code: 'ca.unreachable' } });
    expect(await client.sign(request, never)).toBeDefined();
  });

  test('a service that does not answer in 10 s is timed out', async () => {
    const clock = fakeClock();
    const called = Promise.withResolvers<void>();
    const plane = await authorityServer({
      sign: () => {
        called.resolve();
        return new Promise(() => {});
      },
    });
    const failure = new CaClient(targetOf(plane.port), clock).sign(request, never);
    failure.catch(() => {});
    await called.promise;
    await clock.advance(ms(10_000));
    await expect(failure).rejects.toMatchObject({ fault: { code: 'ca.timeout', afterMs: 10_000 } });
  });

  test('a server that accepts and says nothing is timed out', async () => {
    const clock = fakeClock();
    const accepted = Promise.withResolvers<void>();
    const silent = createServer((socket) => {
      accepted.resolve();
      scene.defer(() => void socket.destroy());
    }).listen(0, 'localhost');
    scene.defer(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const failure = new CaClient(targetOf((silent.address() as AddressInfo).port), clock).sign(request, never);
    failure.catch(() => {});
    await accepted.promise;
    await clock.advance(ms(10_000));
    await expect(failure).rejects.toMatchObject({ fault: { code: expect.stringMatching(/^ca\.(timeout|unreachable)$/) } });
  });

  test('giving up is the signal that asked for it', async () => {
    const plane = await authorityServer({ sign: () => new Promise(() => {}) });
    const stopper = new AbortController();
    const failure = new CaClient(targetOf(plane.port), systemClock).sign(request, stopper.signal);
    stopper.abort(new Error('enough'));
    await expect(failure).rejects.toThrow('enough');
  });
});
