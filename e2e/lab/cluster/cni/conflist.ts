// Which CNI configuration of a node counts, and what a plugin of it is told. Pure.
// Used by runtime.ts, which reads the files and runs the plugins.

export type JsonObject = Readonly<Record<string, unknown>>;

export interface PluginConf extends JsonObject {
  readonly type: string;
}

export interface NetworkList {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginConf[];
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
}

export interface ConfFile {
  readonly name: string;
  readonly text: string;
}

export const isConfName = (name: string): boolean => /\.(conf|conflist|json)$/.test(name);

/** The first by name that is valid, and why the ones before it are not. */
export function chooseNetwork(files: readonly ConfFile[]): { readonly list: NetworkList | undefined; readonly refused: readonly string[] } {
  const refused: string[] = [];
  for (const { name, text } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const read = readList(name, text);
    if (typeof read !== 'string') return { list: read, refused };
    refused.push(`${name}: ${read}`);
  }
  return { list: undefined, refused };
}

/** Or what is wrong with it. */
function readList(file: string, text: string): NetworkList | string {
  const json = parsed(text);
  if (json === undefined) return 'no JSON object';
  // A file of the older kind holds one plugin.
  const {
    name,
    cniVersion = '0.1.0',
    plugins = [json],
    disableCheck = false,
    disableGC = false,
  } = file.endsWith('.conflist') ? { plugins: null, ...json } : json;
  if (typeof name !== 'string' || name === '') return 'no name';
  if (typeof cniVersion !== 'string') return 'a cniVersion that is no text';
  if (!Array.isArray(plugins) || plugins.length === 0) return 'no plugins';
  const mistake = plugins.findIndex((each) => !isPlugin(each));
  if (mistake >= 0) return `plugin ${mistake + 1} has no type that names a file`;
  return { name, cniVersion, plugins: plugins.filter(isPlugin), disableCheck: disableCheck === true, disableGC: disableGC === true };
}

function isPlugin(value: unknown): value is PluginConf {
  const type = isObject(value) ? value.type : undefined;
  return typeof type === 'string' && /^[^/]+$/.test(type) && !/^\.\.?$/.test(type);
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export interface Injected {
  readonly prevResult?: JsonObject | undefined;
  /** Offered to every plugin; each gets those that its `capabilities` ask for. */
  readonly capabilityArgs?: JsonObject | undefined;
  /** For GC. */
  readonly validAttachments?: readonly { readonly containerID: string; readonly ifname: string }[] | undefined;
}

/** What a plugin reads from its standard input. */
export function pluginConfig({ name, cniVersion }: NetworkList, plugin: PluginConf, injected: Injected = {}): JsonObject {
  const { capabilities, ...conf } = plugin;
  const { prevResult, capabilityArgs = {}, validAttachments } = injected;
  const wanted = isObject(capabilities)
    ? Object.keys(capabilities).filter((key) => capabilities[key] === true && key in capabilityArgs)
    : [];
  return {
    ...conf,
    name,
    cniVersion,
    ...(wanted.length > 0 && { runtimeConfig: Object.fromEntries(wanted.map((key) => [key, capabilityArgs[key]])) }),
    ...(prevResult !== undefined && { prevResult }),
    ...(validAttachments !== undefined && { 'cni.dev/valid-attachments': validAttachments }),
  };
}

/** Whether a version of the specification is at least another; numbers only. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Without its prefix length. */
export function addressesOf(result: JsonObject): string[] {
  const ips = Array.isArray(result.ips) ? result.ips : [];
  return ips.flatMap((each: unknown) => (isObject(each) && typeof each.address === 'string' ? [each.address.split('/')[0] ?? ''] : []));
}
