// However a lab ends, nothing of it goes on: no process, no namespace and so no interface, rule or mount. What lies on disk goes at the next start.
// Each lab here is a process of its own, with a cluster and pods, that this test ends as users, crashes and kernels do.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { hasKubectl, Kubectl } from '../kubernetes/kubectl.ts';

const patience = { timeoutMs: 20_000, everyMs: 50 };
const program = fileURLToPath(new URL('main.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/teardown-`);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly kubectl: Kubectl;
}

const running: Started[] = [];
afterEach(() => {
  for (const { process, kubectl } of running.splice(0)) {
    process.kill('SIGKILL');
    kubectl[Symbol.dispose]();
  }
});

async function start(): Promise<Started> {
  const kubeconfig = `${folder}/kubeconfig-${performance.now()}`;
  const args = ['--disable-warning=ExperimentalWarning', program, '--nodes=2', `--kubeconfig=${kubeconfig}`];
  // In a process group of its own, as a shell would start it.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk));
  await eventually(() => (said.includes('KUBECONFIG=') ? true : undefined), { ...patience, what: 'a lab' });
  const started = { process: child, pid: child.pid ?? 0, kubectl: new Kubectl(readFileSync(kubeconfig, 'utf8')) };
  running.push(started);
  return started;
}

const pod = (name: string, spec: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'app', image: 'ambient-mesh/sleep' }], ...spec },
  });

async function createPods({ kubectl }: Started): Promise<void> {
  await kubectl.ok('wait --for=create serviceaccount/default --timeout=10s');
  const volumes = [{ name: 'run', hostPath: { path: '/run/x', type: 'DirectoryOrCreate' } }];
  const containers = [{ name: 'app', image: 'ambient-mesh/http-echo', volumeMounts: [{ name: 'run', mountPath: '/host/run' }] }];
  for (const each of [pod('a'), pod('b', { volumes, containers }), pod('c', { hostNetwork: true })]) await kubectl.ok('apply -f -', each);
}

const processes = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);

function orUndefined<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch {
    return undefined;
  }
}

/** Field of /proc/PID/stat, numbered as in its manual; not a number when there is no such process. */
function stat(pid: number, field: number): number {
  const text = orUndefined(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? '';
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[field - 3]);
}
const [parent, startTicks] = [4, 22];

function descendantsOf(pid: number): number[] {
  const parents = processes().map((each) => [each, stat(each, parent)] as const);
  const below = (root: number): number[] => parents.flatMap(([each, above]) => (above === root ? [each, ...below(each)] : []));
  return below(pid);
}

/** Network and mount namespaces, of which the kernel keeps those that a process is in. */
const namespacesOf = (pids: readonly number[]): Set<string> =>
  new Set(pids.flatMap((pid) => ['net', 'mnt'].flatMap((kind) => orUndefined(() => readlinkSync(`/proc/${pid}/ns/${kind}`)) ?? [])));

interface Traces {
  readonly pids: readonly number[];
  readonly namespaces: readonly string[];
  /** Processes of others: the kernel may give the number of a namespace that ended to a namespace of theirs. */
  readonly strangers: readonly number[];
}

function tracesOf(pid: number): Traces {
  const pids = descendantsOf(pid);
  const own = namespacesOf([process.pid]);
  const namespaces = [...namespacesOf(pids)].filter((each) => !own.has(each));
  const inside = new Set(namespaces);
  const isOutside = (each: number): boolean => !pids.includes(each) && [...namespacesOf([each])].every((one) => !inside.has(one));
  return { pids, namespaces, strangers: processes().filter(isOutside) };
}

const now = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100;

const commandOf = (pid: number): string =>
  `${pid} ${orUndefined(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.replaceAll('\0', ' ') ?? ''}`;

/** @param since when the lab was ended; the kernel may give the numbers of its namespaces to processes that came later. */
async function isGone({ pids, namespaces, strangers }: Traces, since: number): Promise<void> {
  const left = (): string[] => {
    const old = processes().filter((pid) => stat(pid, startTicks) <= since);
    const isInside = (pid: number): boolean =>
      !strangers.includes(pid) && [...namespacesOf([pid])].some((each) => namespaces.includes(each));
    return old.filter((pid) => pids.includes(pid) || isInside(pid)).map(commandOf);
  };
  await expect.poll(left, { timeout: 30_000 }).toEqual([]);
}

/** What the lab of a process has on disk. */
const filesOf = (pid: number): string[] =>
  [tmpdir(), '/run', '/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids'].flatMap((root) =>
    (orUndefined(() => readdirSync(root)) ?? [])
      .filter((name) => name.match(/^ambient-lab-(\d+)/)?.[1] === `${pid}`)
      .map((name) => `${root}/${name}`),
  );

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');
const links = (): string[] => readdirSync('/sys/class/net');

const endings: readonly (readonly [name: string, end: (lab: Started) => unknown, leavesFiles: boolean])[] = [
  ['ends by Ctrl-C, which all of its process group hear', ({ pid }) => process.kill(-pid, 'SIGINT'), false],
  ['is asked to end', ({ process }) => process.kill('SIGTERM'), false],
  ['is killed', ({ process }) => process.kill('SIGKILL'), true],
  ['crashes', ({ process }) => process.kill('SIGABRT'), true],
];

describe.skipIf(!hasKubectl())('a lab', () => {
  const [mountsBefore, linksBefore] = [mounts(), links()];

  for (const [name, end, leavesFiles] of endings)
    test(`that ${name} leaves nothing behind${leavesFiles ? ' that the next one does not clear away' : ''}`, async () => {
      const lab = await start();
      await createPods(lab);
      await lab.kubectl.ok('wait pod --all --for=condition=Ready --timeout=20s');
      const traces = tracesOf(lab.pid);
      expect(traces.pids.length).toBeGreaterThan(5);
      // Two nodes, two pods with a network; two file systems of nodes, three of containers.
      expect(traces.namespaces.length).toBeGreaterThanOrEqual(8);
      expect(filesOf(lab.pid)).toHaveLength(3);
      const ended = new Promise((resolve) => lab.process.on('close', resolve));
      const since = now();
      end(lab);
      await ended;
      await isGone(traces, since);
      expect(filesOf(lab.pid)).toHaveLength(leavesFiles ? 3 : 0);
      if (leavesFiles) {
        await start();
        expect(filesOf(lab.pid)).toEqual([]);
      }
      expect([mounts(), links()]).toEqual([mountsBefore, linksBefore]);
    }, 90_000);

  test('that is killed while its pods start leaves nothing behind', async () => {
    const lab = await start();
    await createPods(lab);
    const seen: Traces[] = [];
    const look = (): true | undefined => {
      const traces = tracesOf(lab.pid);
      seen.push(traces);
      // More than what holds the nodes' file systems.
      return traces.pids.length > 4 || undefined;
    };
    await eventually(look, { ...patience, everyMs: 5, what: 'a first container' });
    const since = now();
    lab.process.kill('SIGKILL');
    const [pids, namespaces] = [seen.flatMap((each) => each.pids), seen.flatMap((each) => each.namespaces)];
    await isGone({ pids, namespaces, strangers: seen.at(-1)?.strangers ?? [] }, since);
    expect([mounts(), links()]).toEqual([mountsBefore, linksBefore]);
  }, 60_000);
});
