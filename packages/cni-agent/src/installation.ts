// The plugin on the node: installed when the agent can answer it, kept in place, and taken away only when the mesh leaves the node.
// Started by app.ts; how files are put in place is install/installer.ts, when they are taken away install/shutdown.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Access } from '@ambient-mesh/kube/credentials';
import { statusOf } from '@ambient-mesh/kube/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import type { Config } from './config.ts';
import { writtenSelectors } from './facts/enablement.ts';
import { type PluginEntry, pluginName } from './install/conflist.ts';
import { Installer } from './install/installer.ts';
import type { PluginAccess } from './install/kubeconfig.ts';
import { PluginToken } from './install/plugin-token.ts';
import { type Asked, isTheEnd } from './install/shutdown.ts';
import type { Reports } from './reports.ts';

export interface Installation extends AsyncDisposable {
  /** From now on everything is put in place and looked after. */
  begin(): void;
  /** Stops looking after the node; if the mesh leaves it, takes everything away, whoever put it there. True: it does. */
  leave(): Promise<boolean>;
}

export interface InstallationParts {
  readonly config: Config;
  readonly client: KubeClient;
  readonly access: Access;
  readonly reports: Reports;
  readonly ready: (isReady: boolean) => void;
}

const narrow = (raw: unknown): unknown => raw;
const daemonSet = { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true, narrow };
const node = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false, narrow };
/** The plugin and the charts know it by this name. */
const daemonSetName = 'istio-cni-node';

export function installation({ config, client, access, reports, ready }: InstallationParts): Installation {
  const stop = new AbortController();
  const { podNamespace: namespace, pluginAccount: account } = config;
  const token = new PluginToken({ client, namespace, account, clock: systemClock, refused: reports.pluginTokenRefused });
  const installer = new Installer(
    {
      ...config,
      entry: entryOf(config),
      kubeconfigMode: Number.parseInt(config.kubeconfigMode, 8),
      confMode: config.groupRead ? 0o640 : 0o600,
    },
    { access: () => pluginAccess(access, token), clock: systemClock, report: { ...reports.install, ready } },
  );
  let running: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    stop.abort(new Error('stopped'));
    await running;
  };
  return {
    begin() {
      running ??= installer.run(stop.signal);
    },
    async leave() {
      await end();
      if (!config.alwaysCleanUp && !isTheEnd(await ask(client, config), config.ownedConfig)) return false;
      // What cannot be taken away does not keep the rest.
      await installer.cleanUp().catch((e: unknown) => reports.notCleaned(e));
      return true;
    },
    [Symbol.asyncDispose]: end,
  };
}

/** What the plugin is told. */
function entryOf({ logLevel, runDir, enablement, podNamespace, detectionRetry }: Config): PluginEntry {
  return {
    name: pluginName,
    type: pluginName,
    plugin_log_level: logLevel,
    cni_agent_run_dir: runDir,
    ambient_enabled: true,
    enablement_selectors: writtenSelectors(enablement.selectors),
    exclude_namespaces: [...enablement.excludedNamespaces],
    pod_namespace: podNamespace,
    enable_ambient_detection_retry: detectionRetry,
  };
}

/** With the agent's own token where the plugin has no account: it works until the agent's pod is deleted. */
async function pluginAccess(access: Access, plugin: PluginToken): Promise<PluginAccess> {
  const { headers, tls } = await access.credentials(true);
  const token = (await plugin.current()) ?? (headers.authorization ?? '').replace(/^Bearer /, '');
  return { server: access.server, caPem: tls.ca ?? '', token };
}

const answersWithin = ms(3_000);
const triesAgainAfter = ms(500);
const tries = 3;

async function ask(client: KubeClient, { podNamespace, nodeName }: Config): Promise<Asked> {
  for (let left = tries - 1; ; left--) {
    try {
      const found = await client.get(daemonSet, { namespace: podNamespace, name: daemonSetName }, { timeout: answersWithin });
      if (found === undefined) return { refused: 404 };
      const own = await client.get(node, { namespace: '', name: nodeName }, { timeout: answersWithin }).catch(() => undefined);
      return { daemonSet: found, node: own };
    } catch (e) {
      const refused = statusOf(e);
      if (left === 0 || refused === 401) return { refused };
      await systemClock.sleep(triesAgainAfter, neverAborted);
    }
  }
}

const neverAborted = new AbortController().signal;
