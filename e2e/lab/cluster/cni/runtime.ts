// A container runtime's end of CNI: which configuration counts, the plugins in order, the results of attachments kept until they end.
// Used by chain-network.ts, once for each node. As the specification says, 0.3.0 to 1.1.0; the files are the node's, and read at every call.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  addressesOf,
  chooseNetwork,
  type Injected,
  isAtLeast,
  isConfName,
  type JsonObject,
  type NetworkList,
  parsed,
  pluginConfig,
} from './conflist.ts';
import { CniError, type CniNode, runPlugin, type Verb } from './run-plugin.ts';

export interface Attachment {
  readonly containerId: string;
  /** Path that processes of the node can open. */
  readonly netns: string;
  readonly ifname: string;
  /** CNI_ARGS, in order. */
  readonly args: Readonly<Record<string, string>>;
  /** What plugins may ask for by `capabilities`. */
  readonly capabilityArgs?: JsonObject;
}

export interface CniFolders {
  /** Paths of the node. */
  readonly net: string;
  readonly results: string;
}

export const usualFolders: CniFolders = { net: '/etc/cni/net.d', results: '/var/lib/cni/results' };

interface Cached {
  readonly list: NetworkList;
  readonly result: JsonObject | undefined;
  readonly attachment: Attachment;
}

export class CniRuntime {
  readonly #node: CniNode;
  readonly #folders: CniFolders;

  constructor(node: CniNode, folders: CniFolders = usualFolders) {
    this.#node = node;
    this.#folders = folders;
  }

  /** The result of the last plugin. When a plugin fails, what the list did is undone, and its error is thrown. @throws CniError */
  async add(attachment: Attachment, signal: AbortSignal): Promise<JsonObject> {
    const list = this.#list();
    if (list === undefined) throw new CniError(notReady, `no network configuration in ${this.#folders.net}`);
    // Noted beforehand: whatever happens from here on has something to undo.
    this.#keep({ list, attachment, result: undefined });
    let prevResult: JsonObject | undefined;
    try {
      for (const plugin of list.plugins) {
        const { capabilityArgs } = attachment;
        prevResult = await this.#run('ADD', list, plugin, attachment, { prevResult, capabilityArgs }, signal);
      }
      if (prevResult === undefined || addressesOf(prevResult).length === 0)
        throw new CniError(notReady, `network ${list.name} gave no address`);
      this.#keep({ list, attachment, result: prevResult });
      return prevResult;
    } catch (e) {
      await this.del(attachment, AbortSignal.timeout(undoMs)).catch(() => {});
      throw e;
    }
  }

  /** The plugins of the list as it is now, the last one first; without one, of the list that the attachment was made by. May be repeated. */
  async del(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const cached = this.#cached(attachment);
    const list = this.#list() ?? cached?.list;
    if (list === undefined) return;
    const prevResult = isAtLeast(list.cniVersion, '0.4.0') ? cached?.result : undefined;
    const { capabilityArgs } = attachment;
    for (const plugin of list.plugins.toReversed())
      await this.#run('DEL', list, plugin, attachment, { prevResult, capabilityArgs }, signal);
    rmSync(this.#file(attachment), { force: true });
  }

  /** Rejects when a plugin finds that the attachment is not as it was made. */
  async check(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const list = this.#list();
    const prevResult = this.#cached(attachment)?.result;
    if (list === undefined || prevResult === undefined) throw new CniError(notReady, `${attachment.containerId} is not attached`);
    if (list.disableCheck || !isAtLeast(list.cniVersion, '0.4.0')) return;
    const { capabilityArgs } = attachment;
    for (const plugin of list.plugins) await this.#run('CHECK', list, plugin, attachment, { prevResult, capabilityArgs }, signal);
  }

  /** Whether the node could attach a pod now: rejects with why not. */
  async status(signal: AbortSignal): Promise<void> {
    const list = this.#list();
    if (list === undefined) throw new CniError(notReady, `no network configuration in ${this.#folders.net}`);
    if (!isAtLeast(list.cniVersion, '1.1.0')) return;
    for (const plugin of list.plugins) await this.#run('STATUS', list, plugin, undefined, {}, signal);
  }

  /** Ends what is attached and not in use, and lets plugins do likewise. Every plugin is asked; the first error is thrown. */
  async gc(inUse: readonly Attachment[], signal: AbortSignal): Promise<void> {
    const list = this.#list();
    if (list === undefined || list.disableGC) return;
    const files = new Set(inUse.map((each) => this.#file(each)));
    const tasks = [...this.#allCached()]
      .filter(({ attachment }) => !files.has(this.#file(attachment)))
      .map(
        ({ attachment }) =>
          () =>
            this.del(attachment, signal),
      );
    const validAttachments = inUse.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }));
    if (isAtLeast(list.cniVersion, '1.1.0'))
      tasks.push(
        ...list.plugins.map((plugin) => async () => void (await this.#run('GC', list, plugin, undefined, { validAttachments }, signal))),
      );
    const errors: unknown[] = [];
    for (const task of tasks) await task().catch((e: unknown) => errors.push(e));
    if (errors.length > 0) throw errors[0];
  }

  /** Why files that come before the one that counts are not taken. */
  get refused(): readonly string[] {
    return chooseNetwork(this.#confFiles()).refused;
  }

  #list(): NetworkList | undefined {
    return chooseNetwork(this.#confFiles()).list;
  }

  #confFiles(): { name: string; text: string }[] {
    const folder = this.#node.path(this.#folders.net);
    return names(folder)
      .filter(isConfName)
      .flatMap((name) => {
        const text = readIfThere(`${folder}/${name}`);
        return text === undefined ? [] : [{ name, text }];
      });
  }

  #run(
    verb: Verb,
    list: NetworkList,
    plugin: NetworkList['plugins'][number],
    attachment: Attachment | undefined,
    injected: Injected,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const env = attachment === undefined ? {} : environmentOf(attachment);
    return runPlugin(this.#node, { verb, type: plugin.type, config: pluginConfig(list, plugin, injected), env }, signal);
  }

  #file({ containerId, ifname }: Attachment): string {
    return `${this.#node.path(this.#folders.results)}/${containerId}-${ifname}`;
  }

  #keep(cached: Cached): void {
    mkdirSync(this.#node.path(this.#folders.results), { recursive: true, mode: 0o700 });
    writeFileSync(this.#file(cached.attachment), JSON.stringify(cached), { mode: 0o600 });
  }

  #cached(attachment: Attachment): Cached | undefined {
    return readCached(this.#file(attachment));
  }

  *#allCached(): Iterable<Cached> {
    const folder = this.#node.path(this.#folders.results);
    for (const name of names(folder)) {
      const cached = readCached(`${folder}/${name}`);
      if (cached !== undefined) yield cached;
    }
  }
}

/** Of the runtime itself, beyond the specification's numbers. */
const notReady = 100;
const undoMs = 60_000;

const environmentOf = ({ containerId, netns, ifname, args }: Attachment): Record<string, string> => ({
  CNI_CONTAINERID: containerId,
  CNI_NETNS: netns,
  CNI_IFNAME: ifname,
  CNI_ARGS: Object.entries(args)
    .map(([key, value]) => `${key}=${value}`)
    .join(';'),
});

/** Only this runtime writes there. */
function readCached(file: string): Cached | undefined {
  const cached: unknown = parsed(readIfThere(file) ?? '');
  return cached as Cached | undefined;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
