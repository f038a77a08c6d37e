// Replacing each program of the mesh while traffic goes on, going back, and taking the mesh away: new connections never fail, open ones have until
// the deadline, and nothing is left behind. Installed from what the charts render by default, without helm; with it: charts.test.ts.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const patience = { timeoutMs: 90_000, everyMs: 200 };
/** Seconds; the ztunnel keeps five of them for its own end. */
const grace = 30;

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly metadata: { labels: object }; readonly spec: PodSpec } };
}
interface PodSpec {
  hostNetwork?: boolean;
  terminationGracePeriodSeconds: number;
  readonly containers: readonly { readonly env: { readonly name: string; value?: string }[] }[];
}
type Program = 'istiod' | 'istio-cni-node' | 'ztunnel';
const programs: readonly Program[] = ['istiod', 'istio-cni-node', 'ztunnel'];

/** The default manifests in some version, as the lab needs them: its nodes are namespaces, and an agent must not leave its own for the machine's. */
function manifests(version: string, only?: Program): string {
  const all = parseAllDocuments(readFileSync(`${root}charts/rendered/ambient.yaml`, 'utf8')).map((each): Workload => each.toJS());
  const wanted = all.filter(({ metadata, spec }) => only === undefined || (metadata.name === only && spec?.template !== undefined));
  for (const { metadata, spec } of wanted.filter((each) => each.spec?.template !== undefined)) {
    const { template } = spec;
    template.metadata.labels = { ...template.metadata.labels, version };
    const env = template.spec.containers.flatMap((container) => container.env);
    const say = (name: string, value: string): void => {
      for (const each of env) if (each.name === name) each.value = value;
    };
    if (metadata.name === 'istio-cni-node') {
      template.spec.hostNetwork = true;
      say('ALLOW_SWITCH_TO_HOST_NS', 'false');
    }
    if (metadata.name === 'ztunnel') {
      template.spec.terminationGracePeriodSeconds = grace;
      say('TERMINATION_GRACE_PERIOD_SECONDS', `${grace}`);
    }
  }
  return wanted.map((each) => JSON.stringify(each)).join('\n');
}

/** Twenty seconds' worth: more than sockets hold back, and less than the deadline. */
const megabytes = 80;
const pod = (name: string, node: string, container: object, spec: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { nodeSelector: { 'kubernetes.io/hostname': node }, containers: [{ name, ...container }], ...spec },
  });
const source = pod('source', 'node-b', {
  image: 'ambient-mesh/app',
  args: [`9000={"kind":"source","bytes":${megabytes * 1e6}}`, '9001={"kind":"source"}'],
});
/** A new connection every 20 ms, to a name that is asked for each time, and a line for each. */
const asker = pod('asker', 'node-a', {
  image: 'ambient-mesh/client',
  args: ['http://server/'],
  env: [{ name: 'EVERY_MS', value: '20' }],
});
/** One connection, read slowly; a line when it ends. Gopher: what comes is bytes, with no head before them. */
const reader = (name: string, url: string): string => {
  const read = `curl -sS -o /dev/null -w '%{size_download} ' --limit-rate 4M ${url} 2>&1; echo "ended $?"; exec sleep 3600`;
  return pod(name, 'node-a', { image: 'ambient-mesh/sleep', command: ['sh', '-c', `echo began; ${read}`] });
};
/** Looks at a node as the node agent sees it. */
const peek = pod(
  'peek',
  'node-a',
  {
    image: 'ambient-mesh/sleep',
    volumeMounts: ['/etc/cni/net.d', '/opt/cni/bin', '/var/run/istio-cni'].map((path, index) => ({
      name: `v${index}`,
      mountPath: `/host${path}`,
    })),
  },
  {
    hostNetwork: true,
    volumes: ['/etc/cni/net.d', '/opt/cni/bin', '/var/run/istio-cni'].map((path, index) => ({ name: `v${index}`, hostPath: { path } })),
  },
);

describe.skipIf(!hasKubectl())('upgrade and removal (needs kubectl)', () => {
  let mesh: MeshLab;
  const k = (command: string, input?: string): Promise<string> => mesh.kubectl.ok(command, input);

  const isRolledOut = (program: Program): Promise<true> => {
    const kind = program === 'istiod' ? 'deployment' : 'daemonset';
    const rollout = ['-n', 'istio-system', 'rollout', 'status', `${kind}/${program}`, '--timeout=20s'];
    return eventually(async () => ((await mesh.kubectl.run(rollout)).code === 0 ? true : undefined), {
      ...patience,
      what: `${program} rolled out`,
    });
  };
  const podsOf = async (label: string): Promise<string[]> =>
    (await k(`-n istio-system get pods -l ${label} -o name`)).split('\n').filter((name) => name !== '');
  const replace = async (version: string, ...some: readonly Program[]): Promise<void> => {
    for (const program of some) await k('apply --server-side -f -', manifests(version, program));
    for (const program of some) await isRolledOut(program);
  };
  const answers = async (): Promise<{ good: number; bad: string[] }> => {
    const lines = (await k('logs asker')).split('\n').filter((line) => line !== '');
    const bad = lines.filter((line) => !line.includes(' 200 '));
    return { good: lines.length - bad.length, bad };
  };
  /** No new connection fails while something happens, nor shortly after. */
  const whileAsking = async (happens: () => Promise<void>): Promise<void> => {
    const { good } = await answers();
    await happens();
    const during = await answers();
    expect(during.good - good).toBeGreaterThan(20);
    await eventually(async () => ((await answers()).good > during.good + 20 ? true : undefined), { ...patience, what: 'more answers' });
    expect((await answers()).bad).toEqual([]);
  };
  const said = (name: string, what: string): Promise<string> =>
    eventually(async () => (await k(`logs ${name}`)).split('\n').find((line) => line.includes(what)), {
      ...patience,
      what: `"${what}" of ${name}`,
    });

  beforeAll(async () => {
    mesh = await MeshLab.bare();
    await mesh.define();
    await k('apply --server-side -f -', manifests('one'));
    for (const program of programs) await isRolledOut(program);
    await k('label namespace default istio.io/dataplane-mode=ambient');
    await k('apply -f e2e/lab/demo/apps.yaml');
    await k('apply -f -', [source, asker].join('\n'));
    await k('wait pod --all --for=condition=Ready --timeout=28s');
    await eventually(async () => ((await answers()).good > 20 ? true : undefined), { ...patience, what: 'answers' });
  }, 180_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test('both ztunnels are replaced: none refused; an open connection goes on to its end, or to the deadline', async () => {
    const ip = await mesh.ipOf('source');
    await k('apply -f -', [reader('short', `gopher://${ip}:9000/`), reader('long', `gopher://${ip}:9001/`)].join('\n'));
    for (const name of ['short', 'long']) await said(name, 'began');
    await whileAsking(() => replace('two', 'ztunnel'));
    expect(await said('short', 'ended')).toBe(`${megabytes * 1e6} ended 0`);
    expect(await said('long', 'ended')).not.toMatch(/^0 /);
    await eventually(async () => ((await podsOf('app=ztunnel,version=one')).length === 0 ? true : undefined), {
      ...patience,
      what: 'an end of the old ztunnels',
    });
    expect(await podsOf('app=ztunnel,version=two')).toHaveLength(2);
  }, 180_000);

  test('the node agents are replaced: who is in stays in, and a pod that starts meanwhile is in from its first packet', async () => {
    await whileAsking(async () => {
      await k('apply --server-side -f -', manifests('two', 'istio-cni-node'));
      await k("run later --image=ambient-mesh/sleep --command -- sh -c 'nft list tables; exec sleep 3600'");
      await isRolledOut('istio-cni-node');
    });
    expect(await said('later', 'table')).toContain('istio-ambient-nat');
    const noted = await k('get pods -o jsonpath={.items[*].metadata.annotations.ambient\\.istio\\.io/redirection}');
    expect(new Set(noted.split(' '))).toEqual(new Set(['enabled']));
  }, 180_000);

  test('the control plane is replaced: what was in force stays, and what is new takes effect', async () => {
    await k('apply -f e2e/lab/demo/deny.yaml');
    const denied = async (): Promise<true | undefined> =>
      (await mesh.kubectl.run('exec client -- curl -s -m 5 http://server/'.split(' '))).code === 0 ? undefined : true;
    await eventually(denied, { ...patience, what: 'a denial' });
    await whileAsking(() => replace('two', 'istiod'));
    expect(await denied()).toBe(true);
    await k('delete -f e2e/lab/demo/deny.yaml');
    await eventually(async () => ((await denied()) === undefined ? true : undefined), { ...patience, what: 'an answer' });
  }, 180_000);

  test('and back again, all of it at once', async () => {
    await whileAsking(() => replace('one', ...programs));
    expect(await podsOf('app=ztunnel,version=one')).toHaveLength(2);
  }, 180_000);

  describe('removal', () => {
    const uninstall = (...flags: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
      new Promise((resolve) => {
        const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: mesh.cluster.kubeconfigPath, AMBIENT_HELM: '' };
        const args = [`${root}packages/ambientctl/bin/ambientctl.mjs`, 'uninstall', ...flags];
        execFile(process.execPath, args, { env, timeout: 120_000 }, (error, out, err) =>
          resolve({ code: error === null ? 0 : Number(error.code), out, err }),
        );
      });

    test('ambientctl refuses while there are members', async () => {
      const { code, err } = await uninstall();
      expect([code, err]).toEqual([1, expect.stringContaining('namespace default')]);
    });

    test('members are taken out, and then nothing is left: no rule, no annotation, no program, no ConfigMap, nothing on the node', async () => {
      await k('apply -f -', peek);
      await k('wait pod peek --for=condition=Ready --timeout=28s');
      const { code, out, err } = await uninstall('--take-out');
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('daemonset istio-system/ztunnel removed');
      for (const name of ['client', 'asker', 'peek']) {
        const clean = async (): Promise<true | undefined> =>
          /istio|ambient/.test(await k(`exec ${name} -- nft list tables`)) ? undefined : true;
        await eventually(clean, { timeoutMs: 20_000, everyMs: 200, what: `no table of ours around ${name}` });
      }
      expect((await k('get pods -o jsonpath={.items[*].metadata.annotations.ambient\\.istio\\.io/redirection}')).trim()).toBe('');
      expect(await k("exec peek -- sh -c 'cat /host/etc/cni/net.d/*; ls /host/opt/cni/bin /host/var/run/istio-cni'")).not.toMatch(
        /istio-cni$|istio-cni"|kubeconfig/m,
      );
      const kinds = 'all,configmaps,serviceaccounts,leases,roles,rolebindings,clusterroles,clusterrolebindings,gatewayclasses';
      expect(await k(`get ${kinds} -A -o name`)).not.toMatch(/istio|ztunnel/);
      expect(await k('get secrets -n istio-system -o name')).toBe('secret/istio-ca-secret\n');
      const { good } = await answers();
      await eventually(async () => ((await answers()).good > good + 20 ? true : undefined), { ...patience, what: 'answers in clear' });
    }, 180_000);
  });
});
