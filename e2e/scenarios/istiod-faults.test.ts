// istiod-lite while its API server misbehaves as only the lab's can be told to: watches cut in the middle, silent connections, history forgotten, refusals.
// After each fault the map must be what the API server holds: nothing lost, nothing stale. Leaders that are killed are here too, because that takes its time.
import { systemClock } from '@ambient-mesh/runtime/time';
import type { GrpcTarget } from '@ambient-mesh/wire/grpc/target';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becomes, type Istiod } from '../lab/istiod.ts';
import { KubeApi } from '../lab/kubernetes/kube-api.ts';
import { MeshApi, MeshClient, type PodWish, podObject, systemNamespace } from '../lab/mesh-api.ts';

const ztunnel: PodWish = {
  name: 'ztunnel-a',
  namespace: systemNamespace,
  serviceAccount: 'ztunnel',
  node: 'a',
  ip: '10.0.0.1',
  captured: false,
};
const uid = (name: string): string => `Kubernetes//Pod/default/${name}`;

let api: KubeApi;
let mesh: MeshApi;
let istiod: Istiod;
let target: GrpcTarget;
let client: MeshClient;

beforeAll(async () => {
  mesh = await MeshApi.start(async () => {
    api = await KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 } });
    return api;
  });
  istiod = await mesh.istiod();
  await mesh.pod(ztunnel);
  target = await mesh.target(istiod, ztunnel);
  client = new MeshClient(target);
}, 60_000);
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await mesh[Symbol.asyncDispose]();
});

/** Pods of the namespace `default`, as the API server has them and as the client has them. */
const there = (): string[] =>
  api.store
    .list('pods')
    .flatMap(({ object }) => (object.metadata.namespace === 'default' ? [object.metadata.name ?? ''] : []))
    .sort();
const seen = (names: readonly string[]): string[] => names.filter((name) => client.mesh.workload(uid(name)) !== undefined);

async function agree(names: readonly string[], timeoutMs = 20_000): Promise<void> {
  await becomes(
    'the map that the API server holds',
    () => (JSON.stringify(seen(names)) === JSON.stringify(there()) ? true : undefined),
    timeoutMs,
  );
}

/** Pods come and go, with something done in the middle of it. */
async function churn(round: number, meanwhile: () => void | Promise<void>): Promise<readonly string[]> {
  const names = Array.from({ length: 12 }, (_, i) => `p${round}-${String(i).padStart(2, '0')}`);
  for (const [i, name] of names.entries()) {
    await mesh.pod({ name, ip: `10.${round}.0.${i + 1}` });
    if (i % 3 === 2) await mesh.remove(podObject({ name, ip: '10.0.0.1' }));
    if (i === 5) await meanwhile();
  }
  return names;
}

describe('nothing is lost, and nothing stale stays', () => {
  const faults: readonly (readonly [string, () => void | Promise<void>])[] = [
    ['when every watch is cut', () => api.faults.cutWatches()],
    ['when every watch is cut in the middle of an event', () => api.faults.cutWatches({ midEvent: true })],
    [
      'when the history is forgotten while watches are cut',
      () => {
        api.faults.cutWatches();
        api.store.compact();
      },
    ],
    [
      'when the server is killed and started again',
      async () => {
        await api.stop();
        await api.start();
        await becomes('the API server', async () => ((await mesh.client.get('/readyz')).status === 200 ? true : undefined));
      },
    ],
    [
      'when the server is slow',
      () => {
        api.faults.delayMs = 300;
        systemClock.after(2_000 as never, () => {
          api.faults.delayMs = 0;
        });
      },
    ],
  ];
  test.each(faults.map(([name, fault], index) => [name, fault, index + 20] as const))(
    '%s',
    async (_, fault, round) => {
      await agree(await churn(round, fault), 45_000);
      expect((await istiod.http('http', '/ready')).status).toBe(200);
      for (const { object } of api.store.list('pods')) if (object.metadata.namespace === 'default') await mesh.remove(object as never);
      await agree([], 45_000);
    },
    90_000,
  );

  test('when the server refuses a kind for a while', async () => {
    api.faults.forbid = (verb, resource) => resource === 'pods' && (verb === 'list' || verb === 'watch');
    api.faults.cutWatches();
    await mesh.pod({ name: 'unseen', ip: '10.40.0.1' });
    await istiod.child.line(/403/, 20_000);
    api.faults.forbid = () => false;
    await agree(['unseen'], 45_000);
  }, 60_000);
});

test('a leader that is killed is followed by the other replica, which writes what is missing', async () => {
  await istiod.leads().catch(() => {});
  const second = await mesh.istiod();
  istiod.child.signal('SIGKILL');
  await istiod.child.exited(5_000);
  const policy = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'after', namespace: 'default' },
    spec: { rules: [] },
  };
  await mesh.put(policy);
  await second.leads();
  await becomes('a condition', async () => {
    const { status } = (await mesh.get(policy)) as { status?: { conditions?: readonly unknown[] } };
    return status?.conditions?.length === 1 ? true : undefined;
  });
  istiod = second;
}, 60_000);
