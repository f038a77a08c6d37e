// The graph of traffic, served by the control plane: what it knows of pods, whom the API server lets see what, where figures come from.
// Opened by app.ts, last of all, and only on an address that was asked for. What the graph is, is the package dashboard.
import { createHash } from 'node:crypto';
import { type Admit, seenOf, Verdicts } from '@ambient-mesh/dashboard/access';
import type { AnswerPorts } from '@ambient-mesh/dashboard/answers';
import { Collector, type Target } from '@ambient-mesh/dashboard/collect';
import { fetchText } from '@ambient-mesh/dashboard/fetch-text';
import { Prometheus } from '@ambient-mesh/dashboard/prometheus';
import { placeOf } from '@ambient-mesh/dashboard/series';
import { type GraphServer, serveGraph } from '@ambient-mesh/dashboard/serve';
import { mayGetNamespace } from '@ambient-mesh/kube/access-review';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { reviewToken } from '@ambient-mesh/kube/review';
import { formatSocket, parseIp, type SocketAddress } from '@ambient-mesh/model/address';
import type { Clock } from '@ambient-mesh/runtime/time';
import { proxiesOf, workloadsOf } from '@ambient-mesh/translate/pods-in-graph';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import type { Feed } from './feed/feed.ts';
import { explainer } from './graph-explain.ts';

export interface GraphParts {
  readonly client: KubeClient;
  readonly feed: Feed;
  readonly settings: TranslateSettings;
  readonly listen: SocketAddress;
  /** Its URL; undefined: proxies are asked themselves. */
  readonly prometheus: string | undefined;
  readonly version: string;
  readonly clock: Clock;
}

const metricsPort = 15_020;

/** @throws MeshError `http.port-taken` and the like */
export async function openGraph(parts: GraphParts): Promise<GraphServer> {
  const { client, feed, listen, clock, version } = parts;
  await using owned = new AsyncDisposableStack();
  const answers: AnswerPorts = {
    ...figuresOf(parts, owned),
    known: async () => workloadsOf(feed.stores.pods.values()),
    explain: explainer(parts),
    version,
    now: () => clock.now(),
  };
  const server = owned.use(await serveGraph({ listen, answers, admit: admission(client, clock), clock }));
  const all = owned.move();
  return { address: server.address, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

interface Proxy extends Target {
  readonly url: string;
}

function figuresOf(
  { feed, settings, prometheus, clock }: GraphParts,
  owned: AsyncDisposableStack,
): Pick<AnswerPorts, 'source' | 'measure'> {
  const proxies = new Map<string, Proxy>();
  const targets = async (): Promise<readonly Target[]> => {
    proxies.clear();
    for (const { namespace, name, ip, node, waypoint } of proxiesOf(feed.stores.pods.values(), settings.systemNamespace)) {
      const parsed = parseIp(ip);
      if (parsed === undefined) continue;
      const [id, title] = [`${namespace}/${name}`, node === '' ? name : `${name} (${node})`];
      const url = `http://${formatSocket({ ip: parsed, port: metricsPort })}/metrics`;
      proxies.set(id, { id, title, url, ...(waypoint !== undefined && { waypoint: placeOf(namespace, waypoint) }) });
    }
    return [...proxies.values()];
  };
  if (prometheus !== undefined) {
    const asked = new Prometheus({ url: prometheus, fetchText, targets, clock });
    return { source: 'prometheus', measure: (window) => asked.measure(window) };
  }
  const scrape = async ({ id, title }: Target, signal: AbortSignal): Promise<string> => {
    const url = proxies.get(id)?.url;
    if (url === undefined) throw new Error(`${title} is gone`);
    return fetchText(url, signal);
  };
  const collector = owned.use(new Collector({ targets, scrape, clock }));
  return { source: 'proxies', measure: (window) => collector.measure(window) };
}

/** Longer ones are no tokens of the API server. */
const longestToken = 16 * 1024;

function admission(client: KubeClient, clock: Clock): Admit {
  const reviews = new Verdicts<Awaited<ReturnType<typeof reviewToken>>>(clock);
  const verdicts = new Verdicts<boolean>(clock);
  return async (token) => {
    if (token.length > longestToken) return { refused: 'this is no token of the Kubernetes API' };
    // By its hash: what is kept must be of no use to others.
    const key = createHash('sha256').update(token).digest('hex');
    const reviewed = await reviews.answer(key, () => reviewToken(client, { token, audiences: [] }));
    if (!reviewed.authenticated) return { refused: `the Kubernetes API does not accept this token: ${reviewed.error}` };
    const { username, groups, extra } = reviewed;
    const who = JSON.stringify([username, groups, extra]);
    return {
      name: username,
      sees: (namespaces) =>
        seenOf(namespaces, (namespace) => verdicts.answer(`${namespace} ${who}`, () => mayGetNamespace(client, namespace, reviewed))),
    };
  };
}
