// What the charts render for which values, and what they refuse. Skipped by name where helm is missing. What the objects do in a cluster is told by
// e2e/scenarios/charts.test.ts. The golden of the defaults is charts/rendered/ambient.yaml.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Chart, charts, Helm, hasHelm, type Values } from '../e2e/lab/helm.ts';
import { renderDefaults, renderedPath } from './render-charts.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly tolerations: readonly object[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
  readonly containers: readonly [
    {
      readonly securityContext: { readonly privileged?: boolean };
      readonly env: readonly { readonly name: string; readonly value?: string }[];
    },
  ];
}
/** What the tests look into, of all kinds together: a chart that leaves out what is looked for makes its test fail. */
interface Spec {
  readonly replicas?: number;
  readonly updateStrategy?: object;
  readonly template: { readonly spec: PodSpec };
  readonly infrastructure: { readonly parametersRef: object };
  readonly groups: readonly [{ readonly rules: readonly [{ readonly annotations: { readonly summary: string } }] }];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules?: readonly Rule[];
  readonly spec: Spec;
  readonly data?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..');
const objectsIn = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS({ maxAliasCount: -1 }) as Manifest | null)
    .filter((object) => object !== null);
const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

/** `group/resource verb` for each thing that may be done. */
const rights = (objects: readonly Manifest[], kind: 'ClusterRole' | 'Role'): string[] =>
  objects
    .filter((object) => object.kind === kind)
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`))),
    );

describe.skipIf(!hasHelm())(`charts${hasHelm() ? '' : ' (skipped: helm is not installed)'}`, () => {
  let helm: Helm;
  beforeAll(() => {
    helm = new Helm();
  });
  afterAll(() => helm[Symbol.dispose]());

  const render = async (chart: Chart, values: Values = {}): Promise<Manifest[]> =>
    objectsIn(await helm.template(chart === 'ambient' ? 'ambient' : 'own', chart, values));
  const one = async (chart: Chart, name: string, values: Values = {}): Promise<Manifest> => {
    const all = await render(chart, values);
    const found = all.find((object) => nameOf(object) === name);
    if (found === undefined) throw new Error(`there is no ${name} among ${all.map(nameOf).join(', ')}`);
    return found;
  };

  for (const chart of charts) {
    test(`helm lint finds nothing wrong with ${chart}`, async () => {
      expect(await helm.run('lint', '--strict', '--quiet', helm.chart(chart))).not.toMatch(/WARNING|ERROR/);
    });
  }

  test('what is applied without helm is what the charts render', async () => {
    expect(readFileSync(renderedPath, 'utf8')).toBe(await renderDefaults());
  });

  describe('values that cannot be meant are refused, with their path', () => {
    const rows: readonly (readonly [chart: Chart, values: Values, says: RegExp])[] = [
      ['ambient', { pilot: {} }, /additional propert.*'?pilot/],
      ['ambient', { 'ztunnel.terminationGracePeriodSeconds': 'soon' }, /terminationGracePeriodSeconds.*(got string, want integer)/],
      ['ambient', { 'global.platform': 'windows' }, /platform.*must be one of/],
      ['base', { excludedCRDs: 'none' }, /excludedCRDs.*want array/],
      ['istiod-lite', { replicaCount: 'many' }, /replicaCount.*want integer/],
      ['istiod-lite', { pilot: { replicaCount: 'many' } }, /pilot\/replicaCount.*want integer/],
      ['istiod-lite', { 'monitoring.interval': 'often' }, /interval.*does not match pattern/],
      ['istiod-lite', { 'gatewayClasses.istio-waypoint.replicas': 2 }, /istio-waypoint.*additional propert.*replicas/],
      ['istiod-lite', { taint: { enabled: true } }, /does not keep taints of nodes/],
      ['cni-agent', { 'ambient.dnsCapture': 'yes' }, /dnsCapture.*want boolean/],
      ['cni-agent', { 'ambient.dnsCaptured': true }, /additional propert.*dnsCaptured/],
      ['cni-agent', { provider: 'calico' }, /provider.*must be one of/],
      ['ztunnel', { 'updateStrategy.rollingUpdate.maxSurges': 1 }, /additional propert.*maxSurges/],
      ['ztunnel', { 'resources.request': {} }, /additional propert.*request/],
      ['ztunnel', { istioNamespace: '' }, /istioNamespace.*minLength/],
      ['waypoint', { waypointFor: 'everything' }, /waypointFor.*must be one of/],
      ['waypoint', { 'allowedRoutes.from': 'Others' }, /allowedRoutes\/from.*must be one of/],
    ];
    for (const [chart, values, says] of rows) {
      test(`${chart} ${JSON.stringify(values)}`, () => expect(helm.template('own', chart, values)).rejects.toThrow(says));
    }
    for (const chart of charts) {
      test(`${chart}: each value of its own has a place in the schema, at every depth that the schema describes`, () => {
        const read = (file: string): string => readFileSync(join(helm.chart(chart), file), 'utf8');
        const { definitions, properties }: { definitions?: { values: object }; properties: object } = JSON.parse(
          read('values.schema.json'),
        );
        expect(undescribed(parse(read('values.yaml')), definitions?.values ?? { properties }, '')).toEqual([]);
      });
    }
  });

  describe('least privilege', () => {
    test('nobody may do everything, and nothing is privileged', async () => {
      const all = await render('ambient');
      for (const kind of ['ClusterRole', 'Role'] as const) expect(rights(all, kind).filter((right) => right.includes('*'))).toEqual([]);
      for (const { spec } of all.filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')) {
        const [container] = spec.template.spec.containers;
        expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
        expect(container.securityContext.privileged ?? false).toBe(false);
      }
    });
    test('the ztunnel has no rights at the API server and not even a token for it', async () => {
      const all = await render('ztunnel');
      expect(all.map(({ kind }) => kind).sort()).toEqual(['DaemonSet', 'ServiceAccount']);
      expect(all.find(({ kind }) => kind === 'DaemonSet')?.spec.template.spec.automountServiceAccountToken).toBe(false);
    });
    test('writes of the agent: the annotation by way of the status, Events, and a token for its plugin', async () => {
      const all = await render('cni-agent');
      const writes = [...rights(all, 'ClusterRole'), ...rights(all, 'Role')].filter((right) => !/ (get|list|watch)$/.test(right));
      expect(writes.sort()).toEqual([
        '/pods/status patch',
        '/serviceaccounts/token create',
        'events.k8s.io/events create',
        'events.k8s.io/events patch',
      ]);
    });
    test('Secrets are read in one namespace, and there only the root', async () => {
      const all = await render('istiod-lite');
      expect(rights(all, 'ClusterRole').filter((right) => right.startsWith('/secrets'))).toEqual([]);
      const role = all.find(({ kind }) => kind === 'Role');
      expect(role?.rules).toContainEqual({
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['istio-ca-secret'],
        verbs: ['get', 'list', 'watch', 'update'],
      });
    });
    for (const [chart, demo] of [
      ['istiod-lite', 'control-plane'],
      ['cni-agent', 'cni-agent'],
    ] as const) {
      test(`${chart}: whatever the demo of the lab may do in the whole cluster, so may the chart`, async () => {
        const wanted = rights(objectsIn(readFileSync(join(root, `e2e/lab/demo/${demo}.yaml`), 'utf8')), 'ClusterRole');
        const given = new Set(rights(await render(chart), 'ClusterRole'));
        expect(wanted.filter((right) => !given.has(right))).toEqual([]);
      });
    }
  });

  describe('commands of the pages install and upgrade', () => {
    const commands = ['install', 'upgrade'].flatMap((page) =>
      Array.from(readFileSync(join(root, `docs/${page}.md`), 'utf8').matchAll(/^helm (?:install|upgrade) (\S+) charts\/(\S+) (.*)$/gm)),
    );
    test('there are some', () => expect(commands.length).toBeGreaterThan(7));
    for (const [command, release = '', chart = '', flags = ''] of commands) {
      test(command, async () => {
        const values = flags.match(/--set \S+/g)?.flatMap((each) => each.split(' ')) ?? [];
        expect(await helm.run('template', release, helm.chart(chart as Chart), '--kube-version', '1.34.0', ...values)).toContain('kind: ');
      });
    }
  });

  describe('values', () => {
    const template = async (chart: Chart, name: string, values: Values = {}) => (await one(chart, name, values)).spec.template.spec;

    test('the new ztunnel of a node comes before the old one goes', async () => {
      const { spec } = await one('ztunnel', 'DaemonSet/own');
      expect(spec.updateStrategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    });
    test('both node programs are on every node and go last when it is short of room', async () => {
      for (const [chart, name] of [
        ['cni-agent', 'istio-cni-node'],
        ['ztunnel', 'own'],
      ] as const) {
        const pod = await template(chart, `DaemonSet/${name}`, { tolerations: [{ key: 'own', operator: 'Exists' }] });
        expect(pod).toMatchObject({ priorityClassName: 'system-node-critical', nodeSelector: { 'kubernetes.io/os': 'linux' } });
        expect(pod.tolerations).toEqual([
          { effect: 'NoSchedule', operator: 'Exists' },
          { key: 'CriticalAddonsOnly', operator: 'Exists' },
          { effect: 'NoExecute', operator: 'Exists' },
          { key: 'own', operator: 'Exists' },
        ]);
      }
    });
    test('what the user adds to the environment wins', async () => {
      const { containers } = await template('ztunnel', 'DaemonSet/own', { env: { RUST_LOG: 'debug', MINE: 1 } });
      const values = Object.fromEntries(containers[0].env.map(({ name, value }) => [name, value]));
      expect(values).toMatchObject({ RUST_LOG: 'debug', MINE: '1', XDS_ADDRESS: 'istiod.istio-system.svc:15012' });
    });
    test("a values file for Istio's charts has its effect below pilot and cni", async () => {
      expect(
        (await one('istiod-lite', 'Deployment/istiod', { 'pilot.autoscaleEnabled': false, 'pilot.replicaCount': 3 })).spec.replicas,
      ).toBe(3);
      const { volumes } = await template('cni-agent', 'DaemonSet/istio-cni-node', { 'cni.cniBinDir': '/elsewhere' });
      expect(volumes).toContainEqual({ name: 'cni-bin-dir', hostPath: { path: '/elsewhere', type: 'DirectoryOrCreate' } });
    });
    test('a budget for disruptions is made only where a replica can be spared', async () => {
      expect((await render('istiod-lite')).map(nameOf)).not.toContain('PodDisruptionBudget/istiod');
      expect((await render('istiod-lite', { autoscaleMin: 2 })).map(nameOf)).toContain('PodDisruptionBudget/istiod');
    });
    test('a revision has names of its own, and its ztunnel asks it', async () => {
      const names = (await render('istiod-lite', { revision: 'canary' })).map(nameOf);
      expect(names).toEqual(expect.arrayContaining(['Deployment/istiod-canary', 'Service/istiod-canary', 'ConfigMap/istio-canary']));
      const { containers } = await template('ztunnel', 'DaemonSet/own', { revision: 'canary' });
      expect(containers[0].env).toContainEqual({ name: 'XDS_ADDRESS', value: 'istiod-canary.istio-system.svc:15012' });
    });
    const platforms: readonly (readonly [platform: string, bin: string, conf: string, netns: string])[] = [
      ['', '/opt/cni/bin', '/etc/cni/net.d', '/var/run/netns'],
      ['gke', '/home/kubernetes/bin', '/etc/cni/net.d', '/var/run/netns'],
      ['k3d', '/bin', '/var/lib/rancher/k3s/agent/etc/cni/net.d', '/var/run/netns'],
      ['k3s', '/var/lib/rancher/k3s/data/cni', '/var/lib/rancher/k3s/agent/etc/cni/net.d', '/var/run/netns'],
      ['microk8s', '/var/snap/microk8s/current/opt/cni/bin', '/var/snap/microk8s/current/args/cni-network', '/var/run/netns'],
      ['minikube', '/opt/cni/bin', '/etc/cni/net.d', '/var/run/docker/netns'],
      ['openshift', '/var/lib/cni/bin', '/etc/cni/multus/net.d', '/var/run/netns'],
    ];
    for (const [platform, ...folders] of platforms) {
      test(`folders of the node on ${platform === '' ? 'no platform in particular' : platform}`, async () => {
        const { volumes } = await template('cni-agent', 'DaemonSet/istio-cni-node', { 'global.platform': platform });
        const pathOf = (volume: string) => volumes.find(({ name }) => name === volume)?.hostPath?.path;
        expect(['cni-bin-dir', 'cni-net-dir', 'cni-netns-dir'].map(pathOf)).toEqual(folders);
      });
    }
    test('GKE rations the priority of node programs, so they bring a quota', async () => {
      const quotas = (await render('ambient', { 'global.platform': 'gke' })).map(nameOf).filter((name) => name.startsWith('ResourceQuota'));
      expect(quotas).toEqual(['ResourceQuota/istio-cni-resource-quota', 'ResourceQuota/ztunnel-resource-quota']);
    });
    test('all of it is what a cluster admin and a namespace admin install together', async () => {
      const names = async (scope: string) => (await render('ambient', { 'global.resourceScope': scope })).map(nameOf);
      expect([...(await names('cluster')), ...(await names('namespace'))].sort()).toEqual((await names('all')).sort());
    });
    test('on demand: network policies, monitors', async () => {
      const values = {
        global: { networkPolicy: { enabled: true } },
        ...Object.fromEntries(['istiod', 'cni', 'ztunnel'].map((part) => [`${part}.monitoring.enabled`, true])),
      };
      const names = (await render('ambient', values)).map(nameOf).filter((name) => /^(NetworkPolicy|.*Monitor)\//.test(name));
      expect(names.sort()).toEqual([
        'NetworkPolicy/istio-cni',
        'NetworkPolicy/istiod',
        'NetworkPolicy/ztunnel',
        'PodMonitor/istio-cni-node',
        'PodMonitor/waypoints',
        'PodMonitor/ztunnel',
        'ServiceMonitor/istiod',
      ]);
    });
    test('dashboards and alerts go out as they are written, whatever they hold', async () => {
      const put = (folder: string, file: string, text: string): void => {
        mkdirSync(join(helm.chart('istiod-lite'), 'files', folder), { recursive: true });
        writeFileSync(join(helm.chart('istiod-lite'), 'files', folder, file), text);
      };
      const board = '{\n  "title": "{{workload}}"\n}';
      put('dashboards', 'planted.json', `${board}\n`);
      put(
        'alerts',
        'planted.yaml',
        'groups:\n  - name: planted\n    rules:\n      - { alert: Planted, expr: up == 0, annotations: { summary: "{{ $labels.pod }}" } }\n',
      );
      const values = { 'monitoring.dashboards.enabled': true, 'monitoring.rules.enabled': true };
      const configMap = await one('istiod-lite', 'ConfigMap/ambient-dashboard-planted', values);
      expect([configMap.metadata.labels?.grafana_dashboard, configMap.data?.['planted.json']]).toEqual(['1', board]);
      const rule = await one('istiod-lite', 'PrometheusRule/ambient-planted', values);
      expect(rule.spec.groups[0].rules[0].annotations.summary).toBe('{{ $labels.pod }}');
      for (const name of (await render('istiod-lite')).map(nameOf)) expect(name).not.toMatch(/dashboard|PrometheusRule/);
    });
    test('a definition of which the user keeps the hand is left out', async () => {
      const all = (await render('base')).map(nameOf);
      const some = (await render('base', { excludedCRDs: ['gateways.gateway.networking.k8s.io'] })).map(nameOf);
      expect(all.filter((name) => !some.includes(name))).toEqual(['CustomResourceDefinition/gateways.gateway.networking.k8s.io']);
    });
    test('a waypoint with wishes has them in a ConfigMap that its Gateway names', async () => {
      const values = { deployment: { spec: { replicas: 2 } }, waypointFor: 'all', 'namespace.create': true };
      const all = await render('waypoint', values);
      expect(all.map(nameOf)).toEqual(['Namespace/istio-system', 'ConfigMap/own-parameters', 'Gateway/own']);
      expect(all[2]?.spec.infrastructure.parametersRef).toEqual({ group: '', kind: 'ConfigMap', name: 'own-parameters' });
      expect(parse(all[1]?.data?.deployment ?? '')).toEqual({ spec: { replicas: 2 } });
    });
  });
});

/** Paths of values that the schema, where it lists properties at all, does not list. */
function undescribed(value: unknown, schema: { readonly properties?: object }, path: string): string[] {
  const { properties } = schema;
  if (properties === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const known = new Map(Object.entries(properties));
  return Object.entries(value).flatMap(([key, inner]) => {
    const below = known.get(key);
    return below === undefined ? [`${path}/${key}`] : undescribed(inner, below, `${path}/${key}`);
  });
}
