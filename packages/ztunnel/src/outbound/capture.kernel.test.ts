// What happens to connections on the capture port that nobody captured: an app dialled the tunnel itself.
// Beside capture.ts; needs root: the pod is a network namespace. There are no capture rules here, so every connection is such a one.
// With rules, capture is tested end to end.
import { runIn } from '@ambient-mesh/host/run-in';
import { leftIp } from '@ambient-mesh/host/testing';
import { delta, ip } from '@ambient-mesh/model/testing';
import { expect, test, vi } from 'vitest';
import { inProcess } from '../dataplane/in-process.ts';
import { clientPod, planeConfig, twoPods } from '../dataplane/testing/two-pods.ts';

const rows: readonly (readonly [rule: string, address: string])[] = [
  ['the loopback', '127.0.0.1'],
  ['the pod’s own address', leftIp.v4],
  ['an address of the pod that the mesh does not know', '10.77.0.50'],
];
test.each(rows)('a call of the capture port itself, at %s, is refused: dialled on, it would come back for ever', async (_, address) => {
  using world = await twoPods();
  await using plane = inProcess(planeConfig({ RUST_LOG: 'warn' }), world.ports);
  await runIn(world.client, ['ip', 'addr', 'add', '10.77.0.50/24', 'dev', 'eth0'], AbortSignal.timeout(10_000));
  await plane.send({ do: 'mesh', delta: delta({ workloads: [clientPod] }) });
  await plane.send(world.enrol('client'));
  await plane.send({ do: 'serve' });
  const socket = world.dial('client', { ip: ip(address), port: 15_001 }).resume();
  const closed = vi.fn();
  socket.on('close', closed).on('end', closed);
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  expect(world.logged).toEqual([expect.stringContaining('illegal call to')]);
});
