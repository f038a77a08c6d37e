// A real kube-apiserver with etcd behind, from the folder that KUBEBUILDER_ASSETS names, with the interface of the lab's own API.
// Used by the conformance tests and, if the user so wishes, by the lab. No controllers run beside it, as with ours.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privatePem } from '@ambient-mesh/identity/keys';
import { systemClock } from '@ambient-mesh/runtime/time';
import { eventually } from '../eventually.ts';
import { type ClusterKeys, kubeconfigFor, newClusterKeys, serverName } from './auth/cluster-keys.ts';
import { issuer } from './auth/service-account-tokens.ts';

/** The folder with `kube-apiserver` and `etcd`; undefined when the variable is not set. @throws when one of them is missing there. */
export function realAssets(): string | undefined {
  const folder = process.env.KUBEBUILDER_ASSETS;
  if (folder === undefined || folder === '') return undefined;
  const missing = ['kube-apiserver', 'etcd'].filter((program) => !existsSync(join(folder, program)));
  if (missing.length > 0) throw new Error(`KUBEBUILDER_ASSETS names ${folder}, which lacks ${missing.join(' and ')}`);
  return folder;
}

const startTimeoutMs = 60_000;

export class RealKubeApi implements AsyncDisposable {
  readonly keys: ClusterKeys;
  readonly #assets: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kube-api-'));
  readonly #ports: { readonly etcd: number; readonly etcdPeer: number; readonly api: number };
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(assets: string, addresses: readonly string[], [etcd = 0, etcdPeer = 0, api = 0]: readonly number[]) {
    this.#assets = assets;
    this.keys = newClusterKeys(systemClock, addresses);
    this.#ports = { etcd, etcdPeer, api };
  }

  /**
   * @param assets the folder with the two programs, as from `realAssets`
   * @param addresses beyond loopback, under which clients reach the server
   */
  static async start(assets: string, addresses: readonly string[] = []): Promise<RealKubeApi> {
    const api = new RealKubeApi(assets, addresses, await Promise.all([freePort(), freePort(), freePort()]));
    try {
      await api.start();
      return api;
    } catch (e) {
      await api[Symbol.asyncDispose]();
      throw e;
    }
  }

  get port(): number {
    return this.#ports.api;
  }

  kubeconfig(server = `https://127.0.0.1:${this.port}`): string {
    return kubeconfigFor(this.keys, server);
  }

  /** After `stop`: the same objects, keys and port again. */
  async start(): Promise<void> {
    this.#etcd ??= this.#run('etcd', this.#etcdArguments());
    this.#server ??= this.#run('kube-apiserver', this.#serverArguments());
    await eventually(() => this.#isReady(), {
      timeoutMs: startTimeoutMs,
      everyMs: 100,
      what: () => `a ready kube-apiserver; it said:\n${readFileSync(join(this.#folder, 'kube-apiserver.log'), 'utf8').slice(-2_000)}`,
    });
  }

  /** Kills the API server; etcd stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await kill(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await kill(this.#etcd);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #etcdArguments(): readonly string[] {
    const [client, peer] = [this.#ports.etcd, this.#ports.etcdPeer].map((port) => `http://127.0.0.1:${port}`);
    return [
      '--name=lab',
      `--data-dir=${join(this.#folder, 'etcd')}`,
      '--unsafe-no-fsync',
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=lab=${peer}`,
    ];
  }

  #serverArguments(): readonly string[] {
    const { caPem, server, admin, tokens } = this.keys;
    const tokenKey = this.#file('tokens.key', privatePem(tokens.privateKey));
    return [
      `--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.port}`,
      `--cert-dir=${this.#folder}`,
      `--tls-cert-file=${this.#file('server.crt', server.certPem)}`,
      `--tls-private-key-file=${this.#file('server.key', server.keyPem)}`,
      `--client-ca-file=${this.#file('ca.crt', caPem)}`,
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
      `--service-account-issuer=${issuer}`,
      `--service-account-key-file=${this.#file('tokens.pub', tokens.publicKey.export({ type: 'spki', format: 'pem' }).toString())}`,
      `--service-account-signing-key-file=${tokenKey}`,
      '--authorization-mode=AlwaysAllow',
      '--anonymous-auth=false',
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
      // How it reaches the lab's kubelets: on loopback, known to each other by the cluster's own authority.
      `--kubelet-client-certificate=${this.#file('admin.crt', admin.certPem)}`,
      `--kubelet-client-key=${this.#file('admin.key', admin.keyPem)}`,
      `--kubelet-certificate-authority=${join(this.#folder, 'ca.crt')}`,
      '--kubelet-preferred-address-types=ExternalDNS,InternalIP',
    ];
  }

  #file(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const argv = ['--pdeathsig', 'KILL', '--', join(this.#assets, program), ...args];
    const child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder });
    const log = createWriteStream(join(this.#folder, `${program}.log`), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    return child;
  }

  async #isReady(): Promise<true | undefined> {
    const { caPem, admin } = this.keys;
    const asked = request({
      host: '127.0.0.1',
      port: this.port,
      path: '/readyz',
      servername: serverName,
      ca: caPem,
      cert: admin.certPem,
      key: admin.keyPem,
      agent: false,
    }).end();
    const [answer] = await once(asked, 'response');
    answer.resume();
    return answer.statusCode === 200 ? true : undefined;
  }
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Free at the time of asking: the programs want a number, not a socket. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
