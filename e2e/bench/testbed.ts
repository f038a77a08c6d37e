// Where everything is measured: two nodes of the lab, a client pod on one, a server pod on the other, a neighbour beside the client,
// and every path between them. All peers use the same pods; only for our own path are the pods captured.
// What is sent over the paths is the benches' business.
import { applyRules, removeRules } from '@ambient-mesh/host/apply-rules';
import { Lab } from '../lab/lab.ts';
import { setSwitches } from '../lab/links.ts';
import type { Node, ZtunnelWish } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { startHaproxy } from './haproxy.ts';
import { isInstalled } from './installed.ts';
import { bulkPort } from './load/iperf.ts';
import { httpPort, startNginx } from './nginx.ts';
import type { Metered, Way } from './way.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A way from the client to a server. */
export interface Path extends Way {
  readonly server: Pod;
  readonly bulk: Target;
  readonly http: Target;
}

/** Ports of HAProxy: in the client's pod, and in the server's. */
const near = { http: 19080, bulk: 19201, local: 19301 };
const far = { http: 19443, bulk: 19444 };

/**
 * wrk closes its connections first and so keeps their ports for a minute. Without these, a few seconds of new connections use up the
 * ports that a connect tries first, and then every connect searches thousands in vain: the kernel would be measured, and the next peer slowed.
 */
const plentyOfPorts = [
  ['ipv4/ip_local_port_range', '20000 65535'],
  ['ipv4/tcp_tw_reuse', '1'],
] as const;

const capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };

export class Testbed implements AsyncDisposable {
  readonly lab: Lab;
  readonly client: Pod;
  /** Between two nodes. */
  readonly across: readonly Path[];
  /** Within one node. */
  readonly local: readonly Path[];
  readonly #pods: readonly Pod[];
  readonly #owned: AsyncDisposableStack;
  #captured = true;

  private constructor(
    places: Places,
    paths: { readonly across: readonly Path[]; readonly local: readonly Path[] },
    owned: AsyncDisposableStack,
  ) {
    const { lab, client, neighbour, server } = places;
    this.lab = lab;
    this.client = client;
    this.across = paths.across;
    this.local = paths.local;
    this.#pods = [client, neighbour, server];
    this.#owned = owned;
  }

  /** @param profile folder for CPU profiles of the tunnels, written when the testbed goes */
  static async start(profile?: string): Promise<Testbed> {
    await using parts = new AsyncDisposableStack();
    const lab = parts.use(await Lab.start());
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    const wish = tunnelWish(profile);
    const [tunnelA, tunnelB] = await Promise.all([a.ztunnel(wish), b.ztunnel(wish)]);
    if (profile !== undefined) parts.defer(async () => void (await Promise.all([tunnelA.stop(), tunnelB.stop()])));
    const places = { lab, ...(await startPods(a, b)) };
    if (isInstalled('nginx')) parts.use(await startNginx(places.server, `${lab.folder}/nginx`));
    const { client, neighbour, server } = places;
    const plain = (side: Way['side'], to: Pod, proxies: readonly Metered[]): Path => {
      return { side, server: to, proxies, bulk: { host: to.ip, port: bulkPort }, http: { host: to.ip, port: httpPort } };
    };
    const across = [plain('direct', server, []), plain('ours', server, ourProxies(tunnelA, tunnelB))];
    const local = [plain('direct', neighbour, []), plain('ours', neighbour, [{ role: 'proxy', child: tunnelA.child }])];
    if (isInstalled('haproxy')) {
      across.push(await haproxyPair(places, parts));
      local.push(await haproxyRelay(client, neighbour, lab.folder, parts));
    }
    return new Testbed(places, { across, local }, parts.move());
  }

  /** Turns capture on or off in every pod, as that path wants it. */
  async switchTo({ side }: Path): Promise<void> {
    const captured = side === 'ours';
    if (captured === this.#captured) return;
    const signal = AbortSignal.timeout(10_000);
    await Promise.all(this.#pods.map(({ netns }) => (captured ? applyRules(netns, capture, signal) : removeRules(netns, signal))));
    this.#captured = captured;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

interface Places {
  readonly lab: Lab;
  readonly client: Pod;
  readonly neighbour: Pod;
  readonly server: Pod;
}

/** One data worker, and no access log: HAProxy writes none either. */
export function tunnelWish(profile?: string): ZtunnelWish {
  return {
    env: {
      ZTUNNEL_WORKER_THREADS: '1',
      RUST_LOG: 'warn',
      // A profile of the main thread only is what Node gives, so everything has to happen there.
      ...(profile !== undefined && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}`, ZTUNNEL_IN_PROCESS: 'true' }),
    },
  };
}

async function startPods(a: Node, b: Node): Promise<Omit<Places, 'lab'>> {
  const client = await a.pod({ name: 'client', captured: true });
  const neighbour = await a.pod({ name: 'neighbour', captured: true });
  const server = await b.pod({ name: 'server', captured: true });
  for (const { netns } of [client, neighbour, server]) setSwitches(netns, plentyOfPorts);
  return { client, neighbour, server };
}

const ourProxies = (a: Ztunnel, b: Ztunnel): readonly Metered[] => [
  { role: 'client side', child: a.child },
  { role: 'server side', child: b.child },
];

async function haproxyPair({ lab, client, server }: Places, parts: AsyncDisposableStack): Promise<Path> {
  const authority = lab.controlPlane.authority;
  const farSide = parts.use(
    await startHaproxy({
      pod: server,
      folder: `${lab.folder}/haproxy-far`,
      relays: [
        { name: 'http', listen: far.http, to: `127.0.0.1:${httpPort}` },
        { name: 'bulk', listen: far.bulk, to: `127.0.0.1:${bulkPort}` },
      ],
      cover: 'towards client',
      credentials: authority.credentials(server.workload().identity),
    }),
  );
  const nearSide = parts.use(
    await startHaproxy({
      pod: client,
      folder: `${lab.folder}/haproxy-near`,
      relays: [
        { name: 'http', listen: near.http, to: `${server.ip}:${far.http}` },
        { name: 'bulk', listen: near.bulk, to: `${server.ip}:${far.bulk}` },
      ],
      cover: 'towards server',
      credentials: authority.credentials(client.workload().identity),
    }),
  );
  return {
    side: 'HAProxy TLS pair',
    server,
    proxies: [
      { role: 'client side', child: nearSide },
      { role: 'server side', child: farSide },
    ],
    bulk: { host: '127.0.0.1', port: near.bulk },
    http: { host: '127.0.0.1', port: near.http },
  };
}

async function haproxyRelay(client: Pod, neighbour: Pod, folder: string, parts: AsyncDisposableStack): Promise<Path> {
  const relays = [{ name: 'bulk', listen: near.local, to: `${neighbour.ip}:${bulkPort}` }];
  const child = parts.use(await startHaproxy({ pod: client, folder: `${folder}/haproxy-local`, relays, cover: 'none' }));
  const bulk = { host: '127.0.0.1', port: near.local };
  return { side: 'HAProxy relay', server: neighbour, proxies: [{ role: 'proxy', child }], bulk, http: bulk };
}
