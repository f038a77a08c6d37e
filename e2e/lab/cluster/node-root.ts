// The file system of one node: the machine's files, with /etc/cni, /opt/cni, /run and all else that is written there its own.
// Made by lab-cluster.ts. Held by a process that dies with this one, and with it everything in it: mounts, files and sockets alike.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type MachineMount, machineRoot, otherMounts, planNodeRoot } from './kubelet/mounts.ts';

/** As the kernel limits them. */
const mostLinks = 40;

export class NodeRoot implements AsyncDisposable {
  /** The machine's other file systems when the node was started. */
  readonly others: readonly MachineMount[];
  readonly #holder: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;

  private constructor(holder: ChildProcessByStdio<Writable, Readable, Readable>, others: readonly MachineMount[]) {
    this.#holder = holder;
    this.#ended = once(holder, 'close');
    this.others = others;
  }

  /** @param folder of its own; made here. */
  static async start(folder: string): Promise<NodeRoot> {
    const others = otherMounts(readFileSync('/proc/self/mountinfo', 'utf8')).flatMap(existing);
    const { script, files, scratch } = planNodeRoot({ folder, others });
    mkdirSync(scratch, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    // It ends when its input does, should the kernel's promise ever fail. Detached: Ctrl-C is for this process, which needs it to the end.
    const command = ['--pdeathsig', 'KILL', '--', 'unshare', '--mount', '--', 'sh', '-ec', `${script}echo up\nexec cat`];
    const holder = spawn('setpriv', command, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    holder.stdin.on('error', () => {});
    let said = '';
    holder.stderr.on('data', (chunk: Buffer) => (said += chunk));
    const root = new NodeRoot(holder, others);
    const isUp = await Promise.race([once(holder.stdout, 'data').then(() => true), root.#ended.then(() => false)]);
    if (!isUp) throw new Error(`a node of the lab has no file system: ${said.trim()}`);
    return root;
  }

  /** Before a command, so that it runs in this file system. */
  get enter(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#holder.pid}/ns/mnt`, '--'];
  }

  /** A path of the node as this process, or any other of the machine, can open it. */
  path(path: string): string {
    return `${this.#here}${this.resolve(path)}`;
  }

  /** A path of the machine as the node can open it. */
  machine(path: string): string {
    return `${machineRoot}${path}`;
  }

  /** The path without symbolic links, which would lead from outside into the machine's files. What is not there stays as it is. */
  resolve(path: string): string {
    const rest = path.split('/');
    let at = '';
    for (let links = 0; rest.length > 0; ) {
      const part = rest.shift() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = at === '' ? '' : dirname(at).replace(/^\/$/, '');
        continue;
      }
      const target = linkAt(`${this.#here}${at}/${part}`);
      if (target === undefined) at += `/${part}`;
      else {
        if (++links > mostLinks) throw new Error(`too many symbolic links in ${path}`);
        if (target.startsWith('/')) at = '';
        rest.unshift(...target.split('/'));
      }
    }
    return at || '/';
  }

  get #here(): string {
    return `/proc/${this.#holder.pid}/root`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill('SIGKILL');
    await this.#ended;
  }
}

function existing(path: string): MachineMount[] {
  try {
    return [{ path, isFile: !statSync(path).isDirectory() }];
  } catch {
    return [];
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
