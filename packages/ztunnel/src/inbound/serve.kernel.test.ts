// What the two ends of a tunnel tell each other of their workloads, and when it is believed: requests over a real tunnel into a pod.
// Beside serve.ts; encoding is tested in wire/, admission in admit.test.ts. Needs root: the pod is a network namespace.
// The client is the test itself, so that it may say what no ztunnel would.
import { once } from 'node:events';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { formatSocket } from '@ambient-mesh/model/address';
import { delta } from '@ambient-mesh/model/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import { headerOf } from '@ambient-mesh/wire/hbone/connect-request';
import { openTunnel } from '@ambient-mesh/wire/hbone/open-tunnel';
import { baggageOf } from '@ambient-mesh/wire/workload-baggage';
import { expect, test, vi } from 'vitest';
import { inProcess } from '../dataplane/in-process.ts';
import { clientPod, planeConfig, serverPod, twoPods } from '../dataplane/testing/two-pods.ts';

interface Asked {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the mesh has a workload at the client's address. */
  readonly known?: boolean;
  /** The `x-forwarded-network` of the request. */
  readonly network?: string;
}

const said = 'k8s.cluster.name=c,k8s.namespace.name=far,k8s.deployment.name=said,service.name=said';
const off = { ENABLE_RESPONSE_BAGGAGE: 'false' };

/** One request into the server's pod, closed at once: the baggage of the answer, and the source in the access line. */
async function exchange({ env = {}, known = false, network }: Asked): Promise<{ baggage: string | undefined; source: string | undefined }> {
  using world = await twoPods();
  await using plane = inProcess(planeConfig({ RUST_LOG: 'info', NETWORK: 'here', ...env }), world.ports);
  const here = [serverPod, ...(known ? [clientPod] : [])].map((pod) => ({ ...pod, network: 'here' }));
  await plane.send({ do: 'mesh', delta: delta({ workloads: here }) });
  await plane.send(world.enrol('server'));
  await plane.send({ do: 'serve' });
  const to = { ip: world.app.ip, port: 15_008 };
  const dial = async () => {
    const socket = world.dial('client', to);
    await once(socket, 'connect');
    return socket;
  };
  const tunnel = await openTunnel(
    { source: clientPod.identity, sourceIp: to.ip, expected: [serverPod.identity], to, workload: serverPod.uid },
    { ports: { dial, credentialsFor: world.ports.credentialsFor, clock: systemClock }, settings: { policy: tlsPolicy() }, events: {} },
    new AbortController().signal,
  );
  const client = { ip: to.ip, port: 1 };
  const request = { authority: formatSocket(world.app), baggage: said, client, traceparent: '', ...(network !== undefined && { network }) };
  const stream = await tunnel.connect(request, new AbortController().signal);
  tunnel.destroy();
  const line = await vi.waitFor(() => world.logged.find((text) => text.includes('connection complete')) ?? expect.fail('no access line'));
  return { baggage: headerOf(stream.headers, 'baggage'), source: /src\.workload="([^"]*)"/.exec(line)?.[1] };
}

const rows: readonly (readonly [rule: string, asked: Asked, baggage: string | undefined, source: string | undefined])[] = [
  ['the answer describes the pod; a client that the mesh does not know is what it says', {}, baggageOf(serverPod), 'said'],
  ['with ENABLE_RESPONSE_BAGGAGE off neither is told nor believed', { env: off }, undefined, undefined],
  ['a client that the mesh knows by its address is that, whatever it says', { known: true }, baggageOf(serverPod), 'client'],
  ['from another network the address is a gateway’s', { known: true, network: 'there' }, baggageOf(serverPod), 'said'],
  ['from the own network, in any case, it is the client’s', { known: true, network: 'HERE' }, baggageOf(serverPod), 'client'],
];
test.each(rows)('%s', async (_, asked, baggage, source) => {
  expect(await exchange(asked)).toEqual({ baggage, source });
});
