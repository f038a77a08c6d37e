// An HTTP and HTTPS server that no part of the mesh or of the cluster knows: a machine of its own on the lab's bridge, outside of both nodes.
// It is the echo image's program, which says as its version that it is this one. The kernel takes its links away with its namespace.
import { fileURLToPath } from 'node:url';
import { Netns } from '@ambient-mesh/host/netns';
import { podRoutes } from '../../lab/addressing.ts';
import { Child } from '../../lab/child.ts';
import { ipBatch, netnsPath } from '../../lab/links.ts';

const program = fileURLToPath(new URL('../../lab/cluster/apps/echo-http.ts', import.meta.url));

export class OutsideHttp implements AsyncDisposable {
  readonly v4 = '172.172.77.8';
  readonly v6 = 'fd00:172::7778';
  readonly version = 'outside';
  readonly #netns: Netns;
  readonly #child: Child;

  private constructor(netns: Netns) {
    this.#netns = netns;
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', program];
    this.#child = new Child({ netns, argv, env: { VERSION: this.version } });
  }

  /** It may not listen yet. @param underlay the namespace of the bridge */
  static start(underlay: Netns): OutsideHttp {
    const netns = Netns.create();
    ipBatch(underlay, [`link add outside type veth peer name eth0 netns ${netnsPath(netns)}`, 'link set outside master br0 up']);
    const outside = new OutsideHttp(netns);
    ipBatch(netns, [
      'link set lo up',
      'link set eth0 up',
      `addr add ${outside.v4}/16 dev eth0`,
      `addr add ${outside.v6}/64 dev eth0 nodad`,
      ...[1, 2].flatMap(podRoutes),
    ]);
    return outside;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    this.#netns[Symbol.dispose]();
  }
}
