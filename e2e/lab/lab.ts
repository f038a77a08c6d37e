// The mesh on one machine: an underlay with a bridge, nodes on it, pods on the nodes; every piece in namespaces of the lab's own.
// Nothing is visible from, or sends a packet to, the machine's network. Namespaces are held by descriptors only, so the kernel
// removes all of it when this process ends, however it ends; disposing does it sooner and in order.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Netns } from '@ambient-mesh/host/netns';
import { nodeSwitches, podRoutes, underlayCommands, uplinkCommands } from './addressing.ts';
import { ControlPlane } from './control-plane.ts';
import { ipBatch, netnsPath, setSwitches } from './links.ts';
import { Node } from './node.ts';

const prefix = 'ambient-lab-';

/** Sockets live apart: containers see the rest of /tmp through an overlay, and no socket can be reached through one. */
const socketsRoot = '/run';

/** Removes folders of labs whose process was killed. */
function sweep(): void {
  for (const root of [tmpdir(), socketsRoot])
    for (const name of readdirSync(root)) {
      const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(`${root}/${name}`, { recursive: true, force: true });
    }
}

const ownFolder = (root: string, owned: AsyncDisposableStack): string =>
  owned.adopt(mkdtempSync(`${root}/${prefix}${process.pid}-`), (path) => rmSync(path, { recursive: true, force: true }));

export class Lab implements AsyncDisposable {
  readonly underlay: Netns;
  readonly controlPlane: ControlPlane;
  /** Removed with the lab. */
  readonly folder: string;
  /** Of the nodes' agents, as `NODE.sock`; removed with the lab. */
  readonly sockets: string;
  readonly #owned: AsyncDisposableStack;
  readonly #nodes: Node[] = [];

  private constructor(
    underlay: Netns,
    controlPlane: ControlPlane,
    { folder, sockets }: { readonly folder: string; readonly sockets: string },
    owned: AsyncDisposableStack,
  ) {
    this.underlay = underlay;
    this.controlPlane = controlPlane;
    this.folder = folder;
    this.sockets = sockets;
    this.#owned = owned;
  }

  static async start(): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new Error('the lab makes network namespaces, which needs root: run it with sudo');
    await using parts = new AsyncDisposableStack();
    sweep();
    const folder = ownFolder(tmpdir(), parts);
    const sockets = ownFolder(socketsRoot, parts);
    const underlay = parts.use(Netns.create());
    setSwitches(underlay, nodeSwitches);
    ipBatch(underlay, underlayCommands);
    const controlPlane = parts.use(await ControlPlane.start(underlay, folder));
    return new Lab(underlay, controlPlane, { folder, sockets }, parts.move());
  }

  async node(name: string): Promise<Node> {
    const number = this.#nodes.length + 1;
    const node = await Node.start({
      name,
      number,
      controlPlane: this.controlPlane,
      folder: `${this.folder}/${name}`,
      socket: `${this.sockets}/${name}.sock`,
      join: (netns) => ipBatch(this.underlay, uplinkCommands(number, netnsPath(netns))),
    });
    this.#owned.use(node);
    for (const [index, other] of this.#nodes.entries()) {
      ipBatch(other.netns, podRoutes(number));
      ipBatch(node.netns, podRoutes(index + 1));
    }
    this.#nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
