// The fields of our entry in the node's CNI chain, as the installer writes them and the plugin reads them. Pure.
// A field that is absent or null has its default; one of the wrong type is a mistake, because guessing could leave a pod outside the mesh.
import { join } from 'node:path';
import { type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { defaultSelectors, type Enablement, parseSelectors } from '../facts/enablement.ts';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Settings {
  /** `plugin_log_level`, default `info`; a word that is none counts as that. */
  readonly logLevel: LogLevel;
  /** `cni_agent_run_dir`: where the agent's sockets are. */
  readonly runDir: string;
  /** `ambient_enabled`, default true. */
  readonly ambientEnabled: boolean;
  /** `enablement_selectors` and `exclude_namespaces`. */
  readonly enablement: Enablement;
  /** `pod_namespace`, default `istio-system`: of the agent's own pods, and of ztunnels. */
  readonly agentNamespace: string;
  /** `enable_ambient_detection_retry`, default true: a pod of which nobody can say whether it belongs in the mesh does not start. */
  readonly onlyWhenKnown: boolean;
  /** `kubeconfig`: path of the file that the agent leaves for when it is away. */
  readonly kubeconfig: string;
}

const defaultRunDir = '/var/run/istio-cni';

export function readSettings(config: RawObject): { readonly ok: Settings } | { readonly mistake: string } {
  const excluded = config.exclude_namespaces ?? [];
  if (!Array.isArray(excluded) || !excluded.every((each) => typeof each === 'string'))
    return { mistake: 'exclude_namespaces is no list of names' };
  const selectors = config.enablement_selectors ?? undefined;
  const parsed = selectors === undefined ? { ok: defaultSelectors } : parseSelectors(selectors);
  if ('mistake' in parsed) return { mistake: `enablement_selectors: ${parsed.mistake}` };
  const ambientEnabled = config.ambient_enabled ?? true;
  const onlyWhenKnown = config.enable_ambient_detection_retry ?? true;
  if (typeof ambientEnabled !== 'boolean') return { mistake: 'ambient_enabled is neither true nor false' };
  if (typeof onlyWhenKnown !== 'boolean') return { mistake: 'enable_ambient_detection_retry is neither true nor false' };
  return {
    ok: {
      logLevel: logLevelOf(config),
      runDir: runDirOf(config),
      ambientEnabled,
      enablement: { selectors: parsed.ok, excludedNamespaces: new Set(excluded) },
      agentNamespace: agentNamespaceOf(config),
      onlyWhenKnown,
      kubeconfig: textOf(config.kubeconfig) || join(runDirOf(config), 'istio-cni-kubeconfig'),
    },
  };
}

/** These three are wanted even when the rest is a mistake. */
export const runDirOf = ({ cni_agent_run_dir }: RawObject): string => textOf(cni_agent_run_dir) || defaultRunDir;
export const logLevelOf = ({ plugin_log_level }: RawObject): LogLevel => logLevels.find((each) => each === plugin_log_level) ?? 'info';
export const agentNamespaceOf = ({ pod_namespace }: RawObject): string => textOf(pod_namespace) || 'istio-system';
