// The charts on the lab: the manifests that they render carry the demo's whole tour, and helm itself installs, upgrades and removes the mesh.
// What the charts render for which values is told by scripts/charts.test.ts. Skipped where helm or kubectl is missing.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tour } from '../lab/demo-tour.ts';
import { eventually } from '../lab/eventually.ts';
import { Helm, hasHelm, setting } from '../lab/helm.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab, manifest } from '../lab/mesh-lab.ts';

/** The lab's nodes are namespaces, and the agent's is its node's; gathering for a tenth of a second would only make tests slower. */
const cni = { ambient: { shareHostNetworkNamespace: true } };
const istiod = { env: { PILOT_DEBOUNCE_AFTER: '10ms' } };

const program = fileURLToPath(new URL('../../packages/ambientctl/bin/ambientctl.mjs', import.meta.url));
const patience = { timeoutMs: 20_000, everyMs: 100 };
const ask = 'exec client -- curl -sf -o /dev/null -m 5 http://server/';
const rollouts = ['deployment/istiod', 'daemonset/istio-cni-node', 'daemonset/ztunnel'];

/** What no release owns, because the control plane made it itself. docs/install.md says how to remove it. */
const leftByPrograms = ['configmap/istio-ca-root-cert', 'lease.coordination.k8s.io/istiod-lite-leader', 'secret/istio-ca-secret'];
const leftClasses = 'gatewayclass.gateway.networking.k8s.io/istio-remote\ngatewayclass.gateway.networking.k8s.io/istio-waypoint\n';

async function isRolledOut(mesh: MeshLab): Promise<void> {
  for (const each of rollouts) await mesh.kubectl.ok(`-n istio-system rollout status ${each} --timeout=60s`);
}

async function addApps(mesh: MeshLab): Promise<void> {
  await mesh.kubectl.ok(`apply -f ${manifest('apps')}`);
  await mesh.kubectl.ok('wait pod --all --for=condition=Ready --timeout=30s');
}

describe.skipIf(!hasHelm() || !hasKubectl())(`charts${hasHelm() ? '' : ' (skipped: helm is not installed)'}`, () => {
  describe('what the umbrella renders, applied by kubectl', () => {
    let mesh: MeshLab;
    beforeAll(async () => {
      using helm = new Helm();
      mesh = await MeshLab.bare();
      const objects = await helm.template('ambient', 'ambient', { cni, istiod });
      await mesh.kubectl.ok('create namespace istio-system');
      await mesh.kubectl.ok('apply --server-side -f -', objects);
      await isRolledOut(mesh);
      await addApps(mesh);
    }, 120_000);
    afterAll(() => mesh?.[Symbol.asyncDispose]());

    for (const step of tour) test(step.title, () => step.run(mesh, (command) => mesh.type(command)).then(() => {}));
  });

  describe('helm', () => {
    let mesh: MeshLab;
    let helm: Helm;
    beforeAll(async () => {
      mesh = await MeshLab.bare();
      helm = new Helm(mesh.cluster.kubeconfigPath);
    }, 60_000);
    afterAll(async () => {
      helm?.[Symbol.dispose]();
      await mesh?.[Symbol.asyncDispose]();
    });
    const ambientctl = async (...args: readonly string[]): Promise<string> => {
      const env = {
        PATH: process.env.PATH,
        AMBIENT_HELM: process.env.AMBIENT_HELM,
        KUBECONFIG: mesh.cluster.kubeconfigPath,
        HOME: helm.chart(),
      };
      return (await promisify(execFile)(process.execPath, [program, ...args], { env })).stdout;
    };
    const install = async (release: string, chart: Parameters<Helm['chart']>[0], ...args: readonly string[]): Promise<string> =>
      helm.run('upgrade', '--install', release, helm.chart(chart), '-n', 'istio-system', ...args);

    test('installs one chart after the other, and says what comes next', async () => {
      await install('base', 'base', '--create-namespace');
      expect(await install('istiod', 'istiod-lite', '--wait', ...setting(istiod), '--set', 'nonsense=1')).toContain(
        'were ignored: nonsense',
      );
      await install('cni', 'cni-agent', '--wait', ...setting(cni));
      expect(await install('ztunnel', 'ztunnel', '--wait')).toContain('istio.io/dataplane-mode=ambient');
      await isRolledOut(mesh);
    });

    test('a waypoint is a release of its own', async () => {
      await mesh.kubectl.ok('label namespace default istio.io/dataplane-mode=ambient');
      await addApps(mesh);
      const values = { deployment: { spec: { replicas: 2 } } };
      await helm.run('upgrade', '--install', 'waypoint', helm.chart('waypoint'), '-n', 'default', ...setting(values));
      await mesh.kubectl.ok('wait gateway/waypoint --for=condition=Programmed --timeout=30s');
      expect(await mesh.kubectl.ok('get deployment waypoint -o jsonpath={.spec.replicas}')).toBe('2');
      await mesh.kubectl.ok('label service server istio.io/use-waypoint=waypoint');
      const status = 'get service server -o jsonpath={.status.conditions[?(@.type=="istio.io/WaypointBound")].message}';
      const bound = async (): Promise<true | undefined> =>
        (await mesh.kubectl.ok(status)).includes('attached to waypoint default/waypoint') ? true : undefined;
      await eventually(bound, { ...patience, what: 'a Service that is bound' });
      await mesh.kubectl.ok(ask);
      await helm.run('uninstall', 'waypoint', '-n', 'default', '--wait');
      await eventually(async () => ((await mesh.kubectl.ok('get deployments -o name')) === '' ? true : undefined), {
        ...patience,
        what: 'no Deployment',
      });
      await mesh.kubectl.ok('label service server istio.io/use-waypoint-');
    });

    test('an upgrade and a rollback replace programs while requests go on', async () => {
      await mesh.kubectl.ok(
        'wait pod/client --for=jsonpath={.metadata.annotations.ambient\\.istio\\.io/redirection}=enabled --timeout=15s',
      );
      const answers = { good: 0, bad: 0 };
      const stop = new AbortController();
      const keepAsking = async (): Promise<void> => {
        while (!stop.signal.aborted) answers[(await mesh.kubectl.run(ask.split(' '))).code === 0 ? 'good' : 'bad'] += 1;
      };
      const asking = keepAsking();
      const before = await mesh.ztunnel('node-a');
      await install('istiod', 'istiod-lite', '--wait', ...setting({ ...istiod, meshConfig: { discoverySelectors: [] } }));
      await install('cni', 'cni-agent', '--wait', ...setting({ ...cni, podLabels: { upgraded: 'yes' } }));
      await install('ztunnel', 'ztunnel', '--wait', ...setting({ podLabels: { upgraded: 'yes' } }));
      await isRolledOut(mesh);
      await helm.run('rollback', 'ztunnel', '-n', 'istio-system', '--wait');
      await isRolledOut(mesh);
      stop.abort();
      await asking;
      expect(await mesh.ztunnel('node-a')).not.toBe(before);
      expect(answers.good).toBeGreaterThan(20);
      expect(answers.bad).toBe(0);
    });

    test('a definition that somebody else installed is left to them', async () => {
      const { length } =
        (await helm.run('get', 'manifest', 'base', '-n', 'istio-system')).match(/^kind: CustomResourceDefinition$/gm) ?? [];
      expect(length).toBeGreaterThan(10);
      const again = await helm.template('other', 'base');
      expect(again.match(/^kind: CustomResourceDefinition$/gm)).toHaveLength(length);
      await install('other', 'base');
      expect(await helm.run('get', 'manifest', 'other', '-n', 'istio-system')).not.toContain('CustomResourceDefinition');
      await helm.run('uninstall', 'other', '-n', 'istio-system');
    });

    test('after removal, in reverse, nothing is left but the definitions and the root', async () => {
      await mesh.kubectl.ok('label namespace default istio.io/dataplane-mode-');
      const tables = (): Promise<string> => mesh.kubectl.ok('exec client -- nft list tables');
      await eventually(async () => ((await tables()) === '' ? true : undefined), { ...patience, what: 'no tables' });
      for (const release of ['ztunnel', 'cni', 'istiod', 'base']) await helm.run('uninstall', release, '-n', 'istio-system', '--wait');
      const kinds = 'all,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings';
      const left = (): Promise<string> => mesh.kubectl.ok(`get ${kinds} -A -l app.kubernetes.io/part-of=ambient-mesh -o name`);
      await eventually(async () => ((await left()) === '' ? true : undefined), {
        ...patience,
        timeoutMs: 60_000,
        what: 'an end of the last pods',
      });
      const inNamespace = (await mesh.kubectl.ok('get all,configmaps,serviceaccounts,secrets,leases -n istio-system -o name'))
        .trim()
        .split('\n');
      const ofTheCluster = ['configmap/kube-root-ca.crt', 'serviceaccount/default'];
      expect(inNamespace.filter((name) => !ofTheCluster.includes(name)).sort()).toEqual(leftByPrograms);
      expect(await mesh.kubectl.ok('get gatewayclasses -o name')).toBe(leftClasses);
      expect(await mesh.kubectl.ok('get crd -o name')).toContain('authorizationpolicies.security.istio.io');
      expect(await mesh.kubectl.ok('exec client -- curl -s http://server/')).toContain('"peer"');
    });

    test('ambientctl does it by the same helm: installed, upgraded with the values it had, removed, nothing left', async () => {
      expect(await ambientctl('install', '--set', 'cni.ambient.shareHostNetworkNamespace=true')).toContain('The mesh is being installed');
      await isRolledOut(mesh);
      await ambientctl('upgrade', '--set', 'ztunnel.logLevel=debug');
      const values = JSON.parse(await helm.run('get', 'values', 'ambient', '-n', 'istio-system', '-o', 'json'));
      expect(values).toEqual({ cni: { ambient: { shareHostNetworkNamespace: true } }, ztunnel: { logLevel: 'debug' } });
      expect(await ambientctl('uninstall')).toContain('release "ambient" uninstalled');
      expect(await helm.run('list', '-A', '-q')).toBe('');
      expect(await mesh.kubectl.ok('get gatewayclasses,configmaps,leases -A -o name')).not.toMatch(/istio/);
    }, 180_000);
  });
});
