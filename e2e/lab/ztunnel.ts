// A real ztunnel process on a node: started as a user would, watched through its own ports and its standard output only.
// Made by node.ts (shared mode) or by a scenario in a pod's namespace (dedicated mode).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Netns } from '@ambient-mesh/host/netns';
import { type DualAddress, underlayAddress } from './addressing.ts';
import { Child } from './child.ts';
import { eventually } from './eventually.ts';
import { Exposition } from './exposition.ts';
import { type HttpAnswer, type HttpOrder, httpIn } from './http.ts';

export const ztunnelProgram = fileURLToPath(new URL('../../packages/ztunnel/bin/ztunnel.mjs', import.meta.url));
const readyMs = 20_000;

export interface ZtunnelOrder {
  readonly netns: Netns;
  readonly addresses: DualAddress;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Upstream DNS server. Default: an address where nobody answers. */
  readonly nameserver?: string | undefined;
}

/** Gives the program a resolv.conf of its own, in a mount namespace of its own, and becomes the program. */
const withResolvConf = (file: string): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind "$0" /etc/resolv.conf && exec "$@"',
  file,
];

export class Ztunnel implements AsyncDisposable {
  readonly child: Child;
  readonly netns: Netns;
  readonly addresses: DualAddress;

  constructor({ netns, addresses, env, cwd, nameserver = underlayAddress.v4 }: ZtunnelOrder) {
    this.netns = netns;
    this.addresses = addresses;
    const resolvConf = `${cwd}/resolv.conf`;
    writeFileSync(resolvConf, `nameserver ${nameserver}\n`);
    this.child = new Child({ netns, cwd, argv: [...withResolvConf(resolvConf), process.execPath, ztunnelProgram, 'proxy'], env });
  }

  /** Fails at once, with its output, when the process ends instead. */
  async ready(): Promise<void> {
    await eventually(
      async () => {
        if (this.child.exitCode !== undefined) return 'ended';
        const { status } = await this.http({ port: 15021, path: '/healthz/ready' });
        return status === 200 ? 'ready' : undefined;
      },
      { timeoutMs: readyMs, what: () => `a ready ztunnel; it said:\n${this.child.output}` },
    );
    if (this.child.exitCode !== undefined) throw new Error(`ztunnel ended with ${this.child.exitCode}:\n${this.child.output}`);
  }

  http(order: HttpOrder): Promise<HttpAnswer> {
    return httpIn(this.netns, order);
  }

  async metrics(): Promise<Exposition> {
    return new Exposition((await this.http({ port: 15020, path: '/metrics' })).body.toString());
  }

  async configDump(): Promise<ConfigDump> {
    return JSON.parse((await this.http({ port: 15000, path: '/config_dump' })).body.toString()) as ConfigDump;
  }

  /** The next access-log line that matches every piece of text; each line is handed out once. */
  access(...pieces: readonly string[]): Promise<string> {
    return this.child.line(new RegExp(`\\taccess\\t.*${pieces.map((p) => `(?=.*${RegExp.escape(p)})`).join('')}`));
  }

  /** SIGTERM, then its exit code. */
  async stop(timeoutMs = 10_000): Promise<number> {
    this.child.signal('SIGTERM');
    return this.child.exited(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** The parts of the dump that the scenarios read. */
export interface ConfigDump {
  readonly workloads: readonly { readonly name: string; readonly uid: string }[];
  readonly services: readonly { readonly hostname: string }[];
  readonly policies: readonly { readonly name: string }[];
  readonly certificates: readonly { readonly identity: string; readonly state: string }[];
  readonly workloadState: Readonly<Record<string, { readonly state: string }>>;
}
