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

/** Removes folders of labs whose process was killed. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(`${tmpdir()}/${name}`, { recursive: true, force: true });
  }
}

export class Lab implements AsyncDisposable {
  readonly underlay: Netns;
  readonly controlPlane: ControlPlane;
  /** Removed with the lab. */
  readonly folder: string;
  readonly #owned: AsyncDisposableStack;
  readonly #nodes: Node[] = [];

  private constructor(underlay: Netns, controlPlane: ControlPlane, folder: string, owned: AsyncDisposableStack) {
    this.underlay = underlay;
    this.controlPlane = controlPlane;
    this.folder = folder;
    this.#owned = owned;
  }

  static async start(): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new Error('the lab makes network namespaces, which needs root: run it with sudo');
    await using parts = new AsyncDisposableStack();
    sweep();
    const folder = parts.adopt(mkdtempSync(`${tmpdir()}/${prefix}${process.pid}-`), (path) =>
      rmSync(path, { recursive: true, force: true }),
    );
    const underlay = parts.use(Netns.create());
    setSwitches(underlay, nodeSwitches);
    ipBatch(underlay, underlayCommands);
    const controlPlane = parts.use(await ControlPlane.start(underlay, folder));
    return new Lab(underlay, controlPlane, folder, parts.move());
  }

  async node(name: string): Promise<Node> {
    const number = this.#nodes.length + 1;
    const node = await Node.start({
      name,
      number,
      controlPlane: this.controlPlane,
      folder: `${this.folder}/${name}`,
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
