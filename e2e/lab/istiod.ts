// A real istiod-lite process: started as a user would, watched through its own ports and its log only.
// Made by scenarios with a kubeconfig; by default it listens on free ports of loopback.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Netns } from '@ambient-mesh/host/netns';
import type { SocketAddress } from '@ambient-mesh/model/address';
import { Child } from './child.ts';
import { eventually } from './eventually.ts';
import { Exposition } from './exposition.ts';
import { type HttpAnswer, httpIn } from './http.ts';

const program = fileURLToPath(new URL('../../packages/istiod-lite/bin/istiod-lite.mjs', import.meta.url));
const readyMs = 30_000;

export interface IstiodOrder {
  /** The text. */
  readonly kubeconfig: string;
  /** A folder of its own for files; made. */
  readonly folder: string;
  /** Where it runs. Default: the namespace of the caller. */
  readonly netns?: Netns;
  readonly env?: Readonly<Record<string, string>>;
}

interface Ports {
  readonly secure: SocketAddress;
  readonly plain?: SocketAddress;
  readonly http: SocketAddress;
  readonly monitoring: SocketAddress;
  readonly debug: SocketAddress;
  readonly graph?: SocketAddress;
}

export class Istiod implements AsyncDisposable {
  readonly child: Child;
  readonly #netns: Netns;
  #ports: Partial<Ports> = {};

  constructor({ kubeconfig, folder, netns = Netns.current(), env = {} }: IstiodOrder) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/kubeconfig`, kubeconfig, { mode: 0o600 });
    this.#netns = netns;
    const ports = ['SECURE_GRPC_ADDR', 'HTTP_ADDR', 'MONITORING_ADDR', 'DEBUG_ADDR', 'GRAPH_ADDR'].map((name) => [name, '127.0.0.1:0']);
    const all = {
      ...Object.fromEntries(ports),
      KUBECONFIG: `${folder}/kubeconfig`,
      PILOT_DEBOUNCE_AFTER: '0',
      POD_NAME: 'istiod-0',
      ...env,
    };
    this.child = new Child({ netns, cwd: folder, argv: [process.execPath, program], env: all });
  }

  /** Fails at once, with its output, when the process ends instead. */
  async ready(): Promise<this> {
    const take = (line: string): void => {
      const { msg: _, ...fields } = parsed(line);
      this.#ports = { ...this.#ports, ...(fields as Partial<Ports>) };
    };
    take(await this.child.line(/"msg":"pages are open/, readyMs));
    take(await this.child.line(/"msg":"ready"/, readyMs));
    return this;
  }

  get secure(): SocketAddress {
    return this.#port('secure');
  }

  get plain(): SocketAddress {
    return this.#port('plain');
  }

  get graph(): SocketAddress {
    return this.#port('graph');
  }

  http(port: 'http' | 'monitoring' | 'debug', path: string): Promise<HttpAnswer> {
    const { ip, port: number } = this.#port(port);
    return httpIn(this.#netns, { host: ip === '::' ? '127.0.0.1' : ip, port: number, path });
  }

  async metrics(): Promise<Exposition> {
    return new Exposition((await this.http('monitoring', '/metrics')).body.toString());
  }

  async debug<T>(page: string): Promise<T> {
    return JSON.parse((await this.http('debug', `/debug/${page}`)).body.toString()) as T;
  }

  /** Resolves once it leads. */
  async leads(): Promise<void> {
    await this.child.line(/"event":"leading"/, readyMs);
  }

  /** SIGTERM, then its exit code. */
  async stop(timeoutMs = 15_000): Promise<number> {
    this.child.signal('SIGTERM');
    return this.child.exited(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }

  #port(name: keyof Ports): SocketAddress {
    const address = this.#ports[name];
    if (address === undefined) throw new Error(`istiod-lite has not said yet where ${name} is; it said:\n${this.child.output}`);
    return address;
  }
}

function parsed(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

/** Waits for something that istiod-lite should bring about. */
export const becomes = <T>(what: string, probe: () => T | undefined | Promise<T | undefined>, timeoutMs = 10_000): Promise<T> =>
  eventually(probe, { what, timeoutMs });
