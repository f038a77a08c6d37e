// Which connections a pod of this node gets in memory, and which go by tunnel although the mesh names such a pod: whatever is not certain.
// Beside forward.ts; needs root: pods are network namespaces. What happens to a connection inside is tested for tunnels.
// "In memory" shows in the access line, which says that nothing left this process.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leftIp, rightIp } from '@ambient-mesh/host/testing';
import { delta } from '@ambient-mesh/model/testing';
import type { Workload } from '@ambient-mesh/model/workload';
import { expect, test, vi } from 'vitest';
import { inProcess } from '../dataplane/in-process.ts';
import { clientPod, planeConfig, serverPod, type TwoPods, twoPods } from '../dataplane/testing/two-pods.ts';

const inMemory = { SAME_NODE_FAST_PATH: 'true', RUST_LOG: 'info' };

/** One connection from the client's pod to the server's echo; its outbound access line. */
async function lineOf(workloads: readonly Workload[], env: Readonly<Record<string, string>> = {}, to?: Partial<TwoPods['app']>) {
  using world = await twoPods();
  await using plane = inProcess(planeConfig({ ...inMemory, ...env }), world.ports);
  await plane.send({ do: 'mesh', delta: delta({ workloads }) });
  await plane.send(world.enrol('client'));
  await plane.send(world.enrol('server'));
  await plane.send({ do: 'serve' });
  const app = await world.dialApp({ ...world.app, ...to });
  app?.resume().end('hello');

  return await vi.waitFor(() => world.logged.find((line) => line.includes('direction="outbound"')) ?? expect.fail('no access line'));
}

test('a pod of this node gets it in memory', async () => {
  expect(await lineOf([clientPod, serverPod])).toMatch(/dst\.workload="server".*security="local".*bytes_sent=5 bytes_recv=5/);
});

test('its namesake in another cluster does not: the connection goes where the address leads', async () => {
  const here = { ...serverPod, addresses: [rightIp.v6] };
  const namesake = { ...serverPod, uid: 'cluster2//Pod/ns/server', node: 'n2', addresses: [rightIp.v4] };
  const line = await lineOf([clientPod, here, namesake]);
  expect(line).not.toContain('security=');
  expect(line).toMatch(/dst\.addr=10\.77\.0\.2:15008 .*bytes_recv=5/);
});

test('a pod whose address the mesh has wrong does not: nothing may leave it in clear for a stranger', async () => {
  const line = await lineOf(
    [
      { ...clientPod, addresses: [leftIp.v6] },
      { ...serverPod, addresses: [leftIp.v4] },
    ],
    {},
    { ip: leftIp.v4 },
  );
  expect(line).not.toContain('security=');
  expect(line).toContain('identity mismatch');
});

test('with revocation lists nobody does, since only a tunnel shows certificates', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hand-over-'));
  const crl = join(folder, 'crl.pem');
  writeFileSync(crl, '');
  try {
    const line = await lineOf([clientPod, serverPod], { CRL_PATH: crl });
    expect(line).not.toContain('security=');
    expect(line).toMatch(/bytes_recv=5/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
