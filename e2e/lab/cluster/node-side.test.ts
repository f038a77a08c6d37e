// What a node gives to its pods, seen from inside them by kubectl: a CNI chain, paths of the node, control groups, access to the API.
// One cluster with chains, shared; each test has pods of its own.
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { hasKubectl, Kubectl } from '../kubernetes/kubectl.ts';
import { Lab } from '../lab.ts';
import type { Kubelet } from './kubelet/kubelet.ts';
import { LabCluster } from './lab-cluster.ts';

const patience = { timeoutMs: 20_000, everyMs: 50 };

describe.skipIf(!hasKubectl())('a node of the cluster', () => {
  let kubectl: Kubectl;
  const kubelets: Record<string, Kubelet> = {};
  let nodeNetns: string;
  const owned = new AsyncDisposableStack();

  beforeAll(async () => {
    const lab = owned.use(await Lab.start());
    const cluster = owned.use(await LabCluster.start({ lab }));
    for (const name of ['node-a', 'node-b']) {
      const node = await lab.node(name);
      nodeNetns ??= node.netns.id;
      kubelets[name] = await cluster.addNode(node);
    }
    kubectl = owned.use(new Kubectl(cluster.api.kubeconfig()));
    await kubectl.ok('wait --for=create serviceaccount/default --timeout=10s');
  });
  afterAll(() => owned.disposeAsync());

  const k = async (command: string, ...input: object[]): Promise<string> =>
    (await kubectl.ok(command, input.length === 0 ? undefined : input.map((each) => stringify(each)).join('---\n'))).trim();
  const until = (what: string, probe: () => Promise<boolean>): Promise<true> =>
    eventually(async () => ((await probe()) ? true : undefined), { ...patience, what });
  const run = async (...pods: object[]): Promise<void> => {
    await k('apply -f -', ...pods);
    await k(
      `wait pod --for=condition=Ready --timeout=15s ${pods.map((each) => (each as { metadata: { name: string } }).metadata.name).join(' ')}`,
    );
  };
  const exec = (pod: string, ...command: string[]): Promise<string> =>
    kubectl.ok(['exec', pod, '--', ...command].join(' ')).then((text) => text.trim());
  const shell = async (pod: string, script: string): Promise<string> =>
    (await kubectl.run(['exec', pod, '--', 'sh', '-c', script])).stdout.trim();
  const message = (pod: string): Promise<string> => k(`get pod ${pod} -o jsonpath={.status.containerStatuses[0].state.waiting.message}`);
  /** Of node-a, as this process opens it. */
  const onNode = (path: string): string => kubelets['node-a']?.root.path(path) ?? '';

  test('pods are joined by the chain, and reach one another over both families', async () => {
    await run(pod('web', { containers: [{ name: 'app', image: 'ambient-mesh/http-echo' }] }, 'node-b'), pod('client'));
    const ips = (await k('get pod web -o jsonpath={.status.podIPs[*].ip}')).split(' ');
    expect(ips).toEqual(['10.0.2.1', 'fd00:10:2::1']);
    for (const ip of ips)
      expect(await exec('client', 'curl', '-sg', `http://${ip.includes(':') ? `[${ip}]` : ip}:8080/`)).toContain('"pod":"web"');
    expect(await k('get pods -o jsonpath={.items[*].metadata.annotations}')).not.toContain('ambient.istio.io');
  });

  test('a plugin that is put into the chain takes part at once; while it refuses, a pod waits and says why', async () => {
    writeFileSync(onNode('/opt/cni/bin/moody'), moody);
    chmodSync(onNode('/opt/cni/bin/moody'), 0o755);
    const file = onNode('/etc/cni/net.d/10-lab.conflist');
    const before = readFileSync(file, 'utf8');
    const list = JSON.parse(before) as { plugins: object[] };
    writeFileSync(file, JSON.stringify({ ...list, plugins: [...list.plugins, { type: 'moody' }] }));
    await k('apply -f -', pod('late'));
    const why =
      /^Failed to create pod sandbox: failed to setup network for sandbox "[0-9a-f]{64}": plugin type="moody" failed \(add\): not default\/late$/;
    await until('a pod that says why', async () => why.test(await message('late')));
    expect(await k('get pod late -o jsonpath={.status.containerStatuses[0].state.waiting.reason}:{.status.podIP}')).toBe(
      'ContainerCreating:',
    );
    await until('an event', async () => (await k('describe pod late')).includes('FailedCreatePodSandBox'));
    writeFileSync(onNode('/run/moody-is-well'), '');
    await k('wait pod/late --for=condition=Ready --timeout=15s');
    await k('delete pod late');
    const calls = readFileSync(onNode('/run/moody-calls'), 'utf8').trim().split('\n');
    expect([calls[0], calls[1], calls.at(-1)]).toEqual(['ADD', 'DEL', 'DEL']);
    expect(readFileSync(onNode('/run/moody-netns'), 'utf8').trim()).toBe(`net:[${nodeNetns.split(':')[1]}]`);
    writeFileSync(file, before);
  });

  test('addresses, links and results go with the pods', async () => {
    await run(pod('short'));
    const held = () => readdirSync(onNode('/var/lib/cni/networks/lab')).filter((name) => !name.startsWith('.')).length;
    const results = () => readdirSync(onNode('/var/lib/cni/results')).length;
    const before = [held(), results()];
    await k('delete pod short');
    await until('one less', async () => held() === (before[0] ?? 0) - 1 && results() === (before[1] ?? 0) - 1);
  });

  test('paths of the node are shared by its pods, and are no paths of the machine', async () => {
    const types = { run: 'DirectoryOrCreate', net: 'Directory', opt: '' };
    const paths = { run: '/var/run/lab-side', net: '/etc/cni/net.d', opt: '/opt/lab-side/deep' };
    const volumes = Object.entries(paths).map(([name, path]) => ({ name, hostPath: { path, type: types[name as keyof typeof types] } }));
    const volumeMounts = Object.entries(paths).map(([name, path]) => ({ name, mountPath: `/host${path}`, readOnly: name === 'net' }));
    const spec = { volumes, containers: [{ ...sleeper, volumeMounts }] };
    await run(pod('one', spec), pod('two', spec), pod('elsewhere', spec, 'node-b'));
    await shell('one', 'echo hello >/host/var/run/lab-side/greeting; echo x >/host/opt/lab-side/deep/x; touch /host/etc/cni/net.d/x');
    expect(await exec('two', 'cat', '/host/var/run/lab-side/greeting')).toBe('hello');
    expect(await exec('two', 'ls', '/host/etc/cni/net.d')).toBe('10-lab.conflist');
    expect(await exec('elsewhere', 'ls', '/host/var/run/lab-side')).toBe('');
    expect(readFileSync(onNode('/var/run/lab-side/greeting'), 'utf8')).toBe('hello\n');
    for (const path of ['/run/lab-side', '/opt/lab-side', '/etc/cni/net.d/10-lab.conflist', '/host']) expect(existsSync(path)).toBe(false);
  });

  test('a socket is reached by another pod of the node, through its directory and by itself', async () => {
    const folder = { volumes: [{ name: 'v', hostPath: { path: '/var/run/talk', type: 'DirectoryOrCreate' } }] };
    const mounted = (mountPath: string) => [{ name: 'v', mountPath }];
    const server = "require('net').createServer((s)=>s.end('hi')).listen('/var/run/talk/s.sock')";
    const command = [process.execPath, '-e', server];
    await run(pod('server', { ...folder, containers: [{ ...sleeper, command, volumeMounts: mounted('/var/run/talk') }] }));
    await until('a socket', async () => statSync(onNode('/run/talk/s.sock'), { throwIfNoEntry: false })?.isSocket() === true);
    const single = { volumes: [{ name: 'v', hostPath: { path: '/var/run/talk/s.sock', type: 'Socket' } }] };
    await run(
      pod('by-folder', { ...folder, containers: [{ ...sleeper, volumeMounts: mounted('/somewhere/else') }] }),
      pod('by-itself', { ...single, containers: [{ ...sleeper, volumeMounts: mounted('/somewhere/s.sock') }] }),
    );
    const ask = (path: string) =>
      ["'", process.execPath, ` -e "require('net').connect('${path}').pipe(process.stdout)"`, "'"].join('').slice(1, -1);
    expect(await shell('by-folder', ask('/somewhere/else/s.sock'))).toBe('hi');
    expect(await shell('by-itself', ask('/somewhere/s.sock'))).toBe('hi');
  });

  test('a path of another kind, or none, keeps the pod waiting until it is there', async () => {
    const at = (path: string, type: string) => ({
      volumes: [{ name: 'v', hostPath: { path, type } }],
      containers: [{ ...sleeper, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    });
    await k('apply -f -', pod('wrong', at('/etc/passwd', 'Directory')));
    await k('apply -f -', pod('early', at('/run/comes-late', 'File')));
    await until('why', async () => (await message('wrong')).includes('hostPath type check failed: /etc/passwd is not a directory'));
    await until('why', async () => (await message('early')).includes('hostPath type check failed: /run/comes-late is not a file'));
    writeFileSync(onNode('/run/comes-late'), 'here');
    await k('wait pod/early --for=condition=Ready --timeout=15s');
    expect(await exec('early', 'cat', '/v')).toBe('here');
    await k('delete pod wrong early');
  });

  test("a container sees its own processes in /proc, and the machine's where it mounts them, with the pod's uid in their control groups", async () => {
    const volumes = [{ name: 'proc', hostPath: { path: '/proc', type: 'Directory' } }];
    await run(
      pod('seen'),
      pod('seer', { volumes, containers: [{ ...sleeper, volumeMounts: [{ name: 'proc', mountPath: '/host/proc', readOnly: true }] }] }),
    );
    const own = (await shell('seer', 'echo /proc/[0-9]*')).split(' ');
    expect(own.length).toBeLessThan(10);
    expect(await shell('seer', `test -d /host/proc/${process.pid} && cat /host/proc/${process.pid}/comm`)).toBe(
      readFileSync('/proc/self/comm', 'utf8').trim(),
    );
    const uid = await k('get pod seen -o jsonpath={.metadata.uid}');
    const id = (await k('get pod seen -o jsonpath={.status.containerStatuses[0].containerID}')).replace(/^.*:\/\//, '');
    const groups = await shell('seer', `grep -l 'pod${uid}' /host/proc/[0-9]*/cgroup`);
    const pids = groups.split('\n').map((path) => path.split('/')[3] ?? '');
    expect(pids.length).toBeGreaterThan(0);
    expect(await shell('seer', `cat /host/proc/${pids[0]}/cgroup`)).toMatch(new RegExp(`/kubepods/burstable/pod${uid}/${id}$`, 'm'));
    const netns = kubelets['node-a']?.find(uid)?.netns?.id.split(':')[1];
    for (const pid of pids) expect(await shell('seer', `readlink /host/proc/${pid}/ns/net`)).toBe(`net:[${netns}]`);
    expect(await shell('seen', `grep -c 'pod${uid}' /proc/self/cgroup`)).toBe('1');
    const folder = groupOf(Number(pids[0]));
    await k('delete pod seen');
    await until('no control group', async () => !existsSync(folder));
  });

  test('every container has access to the API, unless it is told not to', async () => {
    const path = '/var/run/secrets/kubernetes.io/serviceaccount';
    await k('apply -f -', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'shy' }, automountServiceAccountToken: false });
    await run(
      pod('plain'),
      pod('without', { automountServiceAccountToken: false }),
      pod('shy', { serviceAccountName: 'shy' }),
      pod('bold', { serviceAccountName: 'shy', automountServiceAccountToken: true }),
    );
    expect((await exec('plain', 'ls', path)).split('\n')).toEqual(['ca.crt', 'namespace', 'token']);
    expect(await exec('plain', 'cat', `${path}/namespace`)).toBe('default');
    const code = `curl -s -o /dev/null -w %{http_code} --cacert ${path}/ca.crt -H "Authorization: Bearer $(cat ${path}/token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version`;
    expect(await shell('plain', code)).toBe('200');
    const has = (name: string) => shell(name, `test -e ${path}/token && echo yes || echo no`);
    expect([await has('without'), await has('shy'), await has('bold')]).toEqual(['no', 'no', 'yes']);
    expect(existsSync(path)).toBe(false);
  });

  test('what a container writes, anywhere, stays its own and goes with it', async () => {
    await run(pod('writer'));
    await shell('writer', 'for each in / /etc /usr /var/log /tmp /root /run; do echo x >$each/lab-was-here; done');
    expect(await shell('writer', 'cat /lab-was-here /etc/lab-was-here /run/lab-was-here')).toBe('x\nx\nx');
    for (const folder of ['', '/etc', '/usr', '/var/log', '/tmp', '/root', '/run']) {
      expect(existsSync(`${folder}/lab-was-here`)).toBe(false);
      expect(existsSync(onNode(`${folder}/lab-was-here`))).toBe(false);
    }
    expect(await shell('writer', 'ls -d /.node /.machine 2>/dev/null; echo $?')).toBe('2');
  });
});

/** The control group that this process sees of another: absolute. */
function groupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const [, path = ''] = /:(\/ambient-lab-.*)$/.exec(lines.find((line) => line.includes('/ambient-lab-')) ?? '') ?? [];
  const roots = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids'];
  return roots.map((root) => root + path).find(existsSync) ?? '';
}

/** Refuses until a file of the node says that it is well. */
const moody = `#!/bin/sh
echo "$CNI_COMMAND" >>/var/run/moody-calls
readlink /proc/self/ns/net >/var/run/moody-netns
config=$(cat)
[ "$CNI_COMMAND" = ADD ] || exit 0
args=\${CNI_ARGS#*K8S_POD_NAMESPACE=}
namespace=\${args%%;*}
args=\${CNI_ARGS#*K8S_POD_NAME=}
if [ ! -e /var/run/moody-is-well ]; then
  printf '{"code":11,"msg":"not %s/%s"}' "$namespace" "\${args%%;*}"
  exit 1
fi
result=\${config#*\\"prevResult\\":}
printf '%s' "\${result%\\}}"
`;

const sleeper = { name: 'app', image: 'ambient-mesh/sleep' };

function pod(name: string, spec: object = {}, node = 'node-a'): object {
  const placed = { nodeSelector: { 'kubernetes.io/hostname': node }, terminationGracePeriodSeconds: 1, containers: [sleeper], ...spec };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: placed };
}
