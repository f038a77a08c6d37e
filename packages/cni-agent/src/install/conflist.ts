// A node's CNI configuration with our entry in it, or without: text in, text out. Pure (facts: control-plane §2.3).
// Which file is meant is decided in plan.ts. Fields that we do not know, and the order of all, stay as they are.
import { isDeepStrictEqual } from 'node:util';
import { isObject, type RawObject, textOf } from '@ambient-mesh/kube/raw';

export const pluginName = 'istio-cni';

/** Our entry in a chain: everything that the plugin is told (plugin/settings.ts reads it). */
export type PluginEntry = RawObject & { readonly type: typeof pluginName };

export interface ConfList extends RawObject {
  readonly plugins: readonly RawObject[];
}

/** A list, or a single configuration, which is put into a list of its own. */
export function readConf(text: string | undefined): { readonly ok: ConfList; readonly isSingle: boolean } | { readonly mistake: string } {
  if (text === undefined) return { mistake: 'it cannot be read' };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { mistake: 'it is no JSON' };
  }
  if (!isObject(raw)) return { mistake: 'it is no object' };
  const { plugins } = raw;
  if (plugins === undefined) {
    if (textOf(raw.type) === '') return { mistake: 'it has neither plugins nor a type' };
    return { ok: { name: 'k8s-pod-network', cniVersion: '0.3.1', plugins: [raw] }, isSingle: true };
  }
  if (!Array.isArray(plugins) || plugins.length === 0 || !plugins.every(isObject)) return { mistake: 'it has no plugins' };
  return { ok: { ...raw, plugins }, isSingle: false };
}

const isOurs = ({ type }: RawObject): boolean => type === pluginName;

/** Ours last, once. */
export function withOurs(list: ConfList, entry: PluginEntry): ConfList {
  return { ...list, plugins: [...list.plugins.filter((each) => !isOurs(each)), entry] };
}

export function withoutOurs(list: ConfList): ConfList {
  return { ...list, plugins: list.plugins.filter((each) => !isOurs(each)) };
}

export const hasOurs = ({ plugins }: ConfList): boolean => plugins.some(isOurs);

/** Whether nothing needs to be written. */
export const isRight = (list: ConfList, entry: PluginEntry): boolean => isDeepStrictEqual(list.plugins, withOurs(list, entry).plugins);

export const written = (conf: RawObject): string => `${JSON.stringify(conf, null, 2)}\n`;
