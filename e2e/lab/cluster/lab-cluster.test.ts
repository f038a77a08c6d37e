// The whole cluster as its users see it: stock kubectl against real pods, on the lab's API and on a real kube-apiserver if there is one.
// One story in one namespace, told in order: each test leaves behind what the next one expects.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { hasKubectl, Kubectl } from '../kubernetes/kubectl.ts';
import { realAssets } from '../kubernetes/real.ts';
import { Lab } from '../lab.ts';
import type { Node } from '../node.ts';
import { LabCluster } from './lab-cluster.ts';

/** Long enough for a loaded machine. */
const patience = { timeoutMs: 20_000, everyMs: 100 };

const apis = realAssets() === undefined ? ['the lab'] : ['the lab', 'kube-apiserver'];

describe.skipIf(!hasKubectl())('with kubectl', () => {
  describe.each(apis)('on %s', tests);
});

function tests(api: string): void {
  let lab: Lab;
  let cluster: LabCluster;
  let kubectl: Kubectl;
  let nodes: Readonly<Record<'a' | 'b', Node>>;
  const owned = new AsyncDisposableStack();

  beforeAll(async () => {
    lab = owned.use(await Lab.start());
    cluster = owned.use(await LabCluster.start({ lab, realApi: api === 'kube-apiserver' }));
    nodes = { a: await lab.node('node-a'), b: await lab.node('node-b') };
    await cluster.addNode(nodes.a, { labels: { 'topology.kubernetes.io/zone': 'west' } });
    await cluster.addNode(nodes.b, { labels: { 'topology.kubernetes.io/zone': 'east' } });
    kubectl = owned.use(new Kubectl(cluster.api.kubeconfig()));
    await kubectl.ok('wait --for=condition=Ready node --all --timeout=10s');
    await kubectl.ok('create namespace shop');
    await kubectl.ok('wait --for=create serviceaccount/default -n shop --timeout=10s');
  });
  afterAll(() => owned.disposeAsync());

  const k = async (command: string, input?: object | readonly object[]): Promise<string> => {
    const all = input === undefined ? undefined : [input].flat().map((each) => stringify(each));
    return (await kubectl.ok(`-n shop ${command}`, all?.join('---\n'))).trim();
  };
  const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });
  const names = async (selector: string): Promise<string[]> =>
    (await k(`get pods -l ${selector} -o jsonpath={.items[*].metadata.name}`)).split(' ').filter((name) => name !== '');
  const ip = (pod: string, family = 0): Promise<string> => k(`get pod ${pod} -o jsonpath={.status.podIPs[${family}].ip}`);

  test('a deployment runs on both nodes, and a client reaches its pods over both families', async () => {
    await k('apply -f -', [deployment('web', 2, echo), service('web', { app: 'web' }), pod('client', { containers: [sleeper] })]);
    await k('rollout status deployment/web --timeout=20s');
    await k('wait pod/client --for=condition=Ready --timeout=10s');
    const wide = await k('get pods -o wide');
    expect(wide).toMatch(/client\s+1\/1\s+Running\s+0\s+\S+\s+10\.0\.\d\.\d+\s+node-[ab]/);
    expect(wide).toContain('node-a');
    expect(wide).toContain('node-b');
    for (const web of await names('app=web')) {
      for (const url of [`http://${await ip(web)}:8080/x`, `http://[${await ip(web, 1)}]:8080/x`]) {
        const said = JSON.parse(await k(`exec client -- curl -sg ${url}`));
        expect([said.pod, said.peer.length > 0]).toEqual([web, true]);
      }
    }
  });

  test('scaling makes pods and takes them away', async () => {
    await k('scale deployment/web --replicas=5');
    await k('rollout status deployment/web --timeout=20s');
    expect(await names('app=web')).toHaveLength(5);
    await k('scale deployment/web --replicas=2');
    await until('two pods', async () => (await names('app=web')).length === 2);
  });

  test('a new template rolls, and can be undone', async () => {
    const before = await names('app=web');
    await k('set env deployment/web TEXT=second');
    await k('rollout status deployment/web --timeout=20s');
    await until(
      'only new pods',
      async () => (await names('app=web')).every((name) => !before.includes(name)) && (await names('app=web')).length === 2,
    );
    const [web = ''] = await names('app=web');
    expect(JSON.parse(await k(`exec client -- curl -s http://${await ip(web)}:8080/`)).text).toBe('second');
    expect(await k('rollout history deployment/web')).toMatch(/1\s.*\n2\s/);
    await k('rollout undo deployment/web');
    await k('rollout status deployment/web --timeout=20s');
    expect(await k('get deployment web -o yaml')).toContain('deployment.kubernetes.io/revision: "3"');
  });

  test('endpoints follow readiness, with zones', async () => {
    const probe = { exec: { command: ['test', '!', '-e', '/tmp/busy'] }, periodSeconds: 1, failureThreshold: 1 };
    await k('apply -f -', [deployment('moody', 1, { ...echo, readinessProbe: probe }), service('moody', { app: 'moody' })]);
    await k('rollout status deployment/moody --timeout=20s');
    const [moody = ''] = await names('app=moody');
    const ready = () => k('get endpointslices -l kubernetes.io/service-name=moody -o jsonpath={.items[*].endpoints[*].conditions.ready}');
    await until('two ready endpoints', async () => (await ready()) === 'true true');
    const zones = await k('get endpointslices -l kubernetes.io/service-name=moody -o jsonpath={.items[*].endpoints[*].zone}');
    expect(zones).toMatch(/^(west west|east east)$/);
    await k(`exec ${moody} -- touch /tmp/busy`);
    await until('no ready endpoint', async () => (await ready()) === 'false false');
    await k(`exec ${moody} -- rm /tmp/busy`);
    await until('ready endpoints again', async () => (await ready()) === 'true true');
    await k('delete service/moody deployment/moody');
    await until('no slices', async () => (await k('get endpointslices -l kubernetes.io/service-name=moody -o name')) === '');
  });

  test('commands run in a pod, with input, exit code and files of its own', async () => {
    expect((await kubectl.run(['-n', 'shop', 'exec', '-i', 'client', '--', 'wc', '-c'], 'x'.repeat(100_000))).stdout.trim()).toBe('100000');
    expect((await kubectl.run(['-n', 'shop', 'exec', 'client', '--', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect(await k('exec client -- hostname')).toBe('client');
    await k(`exec client -- cp /etc/hostname /tmp/only-here`);
    await k(`cp client:/tmp/only-here ${lab.folder}/copied`);
    expect(await k('exec client -- ls /tmp/only-here')).toBe('/tmp/only-here');
    expect((await kubectl.run(['-n', 'shop', 'exec', 'client', '-c', 'none', '--', 'ls'])).stderr).toContain(
      'container none is not valid for pod client',
    );
  });

  test('a log can be followed', async () => {
    const [web = ''] = await names('app=web');
    const followed = following(['-n', 'shop', 'logs', '-f', web, '--tail=1']);
    await followed.line(/listening on 8080/);
    await k(`exec client -- curl -s http://${await ip(web)}:8080/followed`);
    await followed.line(/GET \/followed 200/);
    await followed.stop();
  });

  test('a port can be forwarded', async () => {
    const forwarding = following(['-n', 'shop', 'port-forward', 'deployment/web', ':8080']);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forwarding.line(/Forwarding from 127/)) ?? [];
    const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => ask(`http://127.0.0.1:${port}/${i}`)));
    expect(answers.map(({ url }) => url)).toEqual(['/0', '/1', '/2', '/3', '/4']);
    await forwarding.stop();
  });

  test('tokens and ConfigMaps are files, and follow what they come from', async () => {
    const volumes = [
      {
        name: 'token',
        projected: { sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 600, path: 'istio-token' } }] },
      },
      { name: 'root', configMap: { name: 'istio-ca-root-cert' } },
      { name: 'labels', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ];
    const volumeMounts = [
      { name: 'token', mountPath: '/var/run/secrets/tokens' },
      { name: 'root', mountPath: '/var/run/secrets/istio' },
      { name: 'labels', mountPath: '/etc/istio/pod' },
    ];
    const env = [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
    await k('apply -f -', pod('filed', { serviceAccountName: 'default', volumes, containers: [{ ...sleeper, volumeMounts, env }] }));
    const waiting = () => k('get pod filed -o jsonpath={.status.containerStatuses[0].state.waiting.message}');
    await until('a pod that waits for its ConfigMap', async () => (await waiting()).includes('configmap "istio-ca-root-cert" not found'));
    await k('create configmap istio-ca-root-cert --from-literal=root-cert.pem=first');
    await k('wait pod/filed --for=condition=Ready --timeout=10s');
    const token = await k('exec filed -- cat /var/run/secrets/tokens/istio-token');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect([claims.aud, claims.sub, claims['kubernetes.io'].pod.name]).toEqual([
      ['istio-ca'],
      'system:serviceaccount:shop:default',
      'filed',
    ]);
    expect(await k('exec filed -- cat /etc/istio/pod/labels')).toBe('app="filed"');
    expect(await k('exec filed -- printenv NODE')).toBe(await k('get pod filed -o jsonpath={.spec.nodeName}'));
    await k('patch configmap istio-ca-root-cert -p {"data":{"root-cert.pem":"second"}}');
    await until('the new content', async () => (await k('exec filed -- cat /var/run/secrets/istio/root-cert.pem')) === 'second');
  });

  test('what ends is restarted, with its last words kept; what cannot start says why', async () => {
    const command = ['sh', '-c', 'echo run; test -e /tmp/x || sleep 0.2; exit 3'];
    await k('apply -f -', [
      pod('crash', { containers: [{ ...sleeper, command }] }),
      pod('strange', { containers: [{ ...sleeper, image: 'nobody/knows:1' }] }),
    ]);
    const status = (name: string, path: string) => k(`get pod ${name} -o jsonpath={.status.containerStatuses[0].${path}}`);
    await until('two restarts', async () => Number(await status('crash', 'restartCount')) >= 2);
    expect(await status('crash', 'lastState.terminated.exitCode')).toBe('3');
    expect(await k('logs crash --previous')).toBe('run');
    await until('a reason', async () => (await status('strange', 'state.waiting.reason')) === 'ErrImagePull');
    await k('delete pod crash strange');
  });

  test('pods that shall not be restarted succeed or fail; init containers come first', async () => {
    const once = (name: string, code: number) => ({
      ...pod(name, {
        restartPolicy: 'Never',
        initContainers: [{ ...sleeper, name: 'init', command: ['sh', '-c', 'echo first'] }],
        containers: [{ ...sleeper, command: ['sh', '-c', `exit ${code}`] }],
      }),
    });
    await k('apply -f -', [once('well', 0), once('badly', 1)]);
    const phase = (name: string) => k(`get pod ${name} -o jsonpath={.status.phase}`);
    await until('both ends', async () => (await phase('well')) === 'Succeeded' && (await phase('badly')) === 'Failed');
    expect(await k('logs well -c init')).toBe('first');
    await k('delete pod well badly');
  });

  test('a pod may end in its own time, within its grace period', async () => {
    const command = ['sh', '-c', 'trap "sleep 0.3; echo tidied; exit 0" TERM; while :; do sleep 0.1; done'];
    const stubborn = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'];
    await k('apply -f -', [
      pod('tidy', { containers: [{ ...sleeper, command }] }),
      pod('stubborn', { terminationGracePeriodSeconds: 1, containers: [{ ...sleeper, command: stubborn }] }),
    ]);
    await k('wait pod/tidy pod/stubborn --for=condition=Ready --timeout=10s');
    const followed = following(['-n', 'shop', 'logs', '-f', 'tidy']);
    await k('delete pod tidy stubborn --timeout=10s');
    await followed.line(/tidied/);
    await followed.stop();
  });

  test('a daemon set has a pod on each node; host network pods have the addresses of their node', async () => {
    await k('apply -f -', {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: { metadata: { labels: { app: 'agent' } }, spec: { hostNetwork: true, containers: [sleeper] } },
      },
    });
    await k('rollout status daemonset/agent --timeout=20s');
    const places = await k('get pods -l app=agent -o jsonpath=\'{range .items[*]}{.spec.nodeName} {.status.podIP}{"\\n"}{end}\'');
    expect(places.split('\n').toSorted()).toEqual([`node-a ${nodes.a.addresses.v4}`, `node-b ${nodes.b.addresses.v4}`]);
    await k('delete daemonset agent');
    await until('no agents', async () => (await names('app=agent')).length === 0);
  });

  test('controllers that were away make up for it', async () => {
    await cluster.stopControllers();
    await k('scale deployment/web --replicas=4');
    const [gone = ''] = await names('app=web');
    await k(`delete pod ${gone} --wait=false`);
    await k('create deployment late --image=ambient-mesh/sleep --replicas=2');
    cluster.startControllers();
    await until('a new ReplicaSet', async () => (await k('get replicasets -l app=late -o name')) !== '');
    await k('rollout status deployment/web --timeout=20s');
    await k('rollout status deployment/late --timeout=20s');
    expect([(await names('app=web')).length, (await names('app=late')).length]).toEqual([4, 2]);
    await k('delete deployment late');
    await until('no pods of a deployment that is gone', async () => (await names('app=late')).length === 0);
  });

  test('an API server that dies takes nothing with it', async () => {
    const before = await names('app=web');
    await cluster.api.stop();
    await cluster.api.start();
    await until('an answer', async () => (await kubectl.run(['get', 'ns'])).code === 0);
    expect(await names('app=web')).toEqual(before);
    await k('scale deployment/web --replicas=1');
    await until('one pod', async () => (await names('app=web')).length === 1);
  });

  test('the end of a namespace is the end of all that is in it', async () => {
    await k('scale deployment/web --replicas=3');
    await k('rollout status deployment/web --timeout=20s');
    await kubectl.ok('delete namespace shop --timeout=20s');
    expect(await kubectl.ok('get pods,replicasets,endpointslices -n shop -o name')).toBe('');
  });

  interface Following {
    line(match: RegExp): Promise<string>;
    stop(): Promise<void>;
  }

  /** A kubectl that goes on until it is stopped. */
  function following(args: readonly string[]): Following {
    const child = spawn('kubectl', args, { env: { PATH: process.env.PATH ?? '', HOME: lab.folder, KUBECONFIG: cluster.kubeconfigPath } });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    return {
      line: (match) =>
        eventually(() => lines.find((line) => match.test(line)), {
          ...patience,
          what: () => `a line like ${match}; there were:\n${lines.join('\n')}`,
        }),
      stop: () => {
        child.kill();
        return ended;
      },
    };
  }
}

const ask = async (url: string): Promise<{ readonly url: string }> => (await (await fetch(url)).json()) as { url: string };

const echo = { name: 'app', image: 'ambient-mesh/http-echo', ports: [{ name: 'http', containerPort: 8080 }] };
const sleeper = { name: 'app', image: 'ambient-mesh/sleep' };

function pod(name: string, spec: object, labels: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name, ...labels } }, spec };
}

function deployment(name: string, replicas: number, container: object): object {
  const labels = { app: name };
  const ready = { readinessProbe: { httpGet: { port: 'http', path: '/ready' }, periodSeconds: 1 } };
  const template = { metadata: { labels }, spec: { containers: [{ ...ready, ...container }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas, selector: { matchLabels: labels }, template } };
}

function service(name: string, selector: object): object {
  const spec = { selector, ipFamilyPolicy: 'PreferDualStack', ports: [{ name: 'http', port: 80, targetPort: 'http' }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}
