// The ConfigMap `istio-ca-root-cert` in every namespace: what pods trust. Made, kept equal to the authority's roots, and made again when somebody changes it.
// Run by the leader (facts: control-plane §7.6).
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { SigningAuthority } from '../sign/signing-authority.ts';
import { WorkQueue } from './work-queue.ts';

const name = 'istio-ca-root-cert';
const dataKey = 'root-cert.pem';
const manager = 'istiod-lite-root-cert';
const excluded: ReadonlySet<string> = new Set(['kube-node-lease', 'kube-public', 'local-path-storage']);

/** Its text; the rest of the ConfigMap is nobody's affair. */
const configMapKind: Kind<string> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
  narrow: (raw) => textOf(objectOf(objectOf(raw).data)[dataKey]),
};

export interface RootConfigMapsOptions {
  readonly client: KubeClient;
  readonly authority: SigningAuthority;
  readonly namespaces: Store<unknown>;
  /** Whether the mesh looks at this namespace. */
  readonly discovers: (namespace: string) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: WatchReport;
  readonly failed: (namespace: string, why: unknown) => void;
}

/** Runs until the signal aborts. */
export async function keepRootConfigMaps(options: RootConfigMapsOptions, signal: AbortSignal): Promise<void> {
  const { client, authority, namespaces, clock, random, report, failed } = options;
  const configMaps = watchStore(client, configMapKind, { fieldSelector: `metadata.name=${name}`, clock, report }, signal);
  const wanted = (namespace: string): boolean =>
    authority.usable &&
    !excluded.has(namespace) &&
    namespaces.get(namespace) !== undefined &&
    options.discovers(namespace) &&
    configMaps.get(`${namespace}/${name}`) !== authority.rootsPem;
  const queue = new WorkQueue(
    {
      work: async (namespace) => {
        if (!configMaps.isSynced || !wanted(namespace)) return;
        const body = { metadata: { labels: { 'istio.io/config': 'true' } }, data: { [dataKey]: authority.rootsPem } };
        await client.apply(configMapKind, { namespace, name }, body, { manager, signal }).catch(tolerateEnd);
      },
      clock,
      random,
      failed,
    },
    signal,
  );
  const everywhere = (): void => {
    for (const [namespace] of namespaces.entries()) queue.add(namespace);
  };
  using _changes = namespaces.onChange((namespace) => queue.add(namespace));
  using _drift = configMaps.onChange((key) => queue.add(key.slice(0, key.indexOf('/'))));
  using _roots = authority.onChange(everywhere);
  void configMaps.synced.then(everywhere);
  everywhere();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await queue.idle();
}

/** A namespace that is gone (404), or about to be (403), needs no roots. */
function tolerateEnd(e: unknown): void {
  const status = statusOf(e);
  if (status === 404 || (status === 403 && e instanceof Error && /being terminated/.test(e.message))) return;
  throw e;
}
