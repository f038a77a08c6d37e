// Turns the environment and the mesh configuration into one frozen configuration, or into every mistake at once.
// The table is settings.ts. Called by main.ts, which hands in the environment and a way to read files; nothing else reads either.
import { isLoopback, parseSocket, type SocketAddress } from '@ambient-mesh/model/address';
import { type Environment, readSettings, type Values } from '@ambient-mesh/runtime/settings';
import { type MeshConfig, readMeshConfig } from './mesh-config.ts';
import { settings } from './settings.ts';

export interface Listeners {
  readonly secure: SocketAddress;
  /** Undefined: off. */
  readonly plain: SocketAddress | undefined;
  readonly http: SocketAddress;
  readonly monitoring: SocketAddress;
  readonly debug: SocketAddress;
  /** Undefined: off. */
  readonly graph?: SocketAddress | undefined;
}

export interface Config extends Omit<Values<typeof settings>, 'trustDomain' | 'waypointResources'> {
  readonly trustDomain: string;
  /** Of the container. */
  readonly waypointResources: Readonly<Record<string, unknown>>;
  readonly rootNamespace: string;
  readonly mesh: MeshConfig;
  readonly listen: Listeners;
}

export interface ConfigSources {
  readonly env: Environment;
  /** The text of a file, if it exists. */
  readonly textOf: (path: string) => string | undefined;
}

export function configure({ env, textOf }: ConfigSources): { readonly ok: Config } | { readonly mistakes: readonly string[] } {
  const read = readSettings(settings, env);
  if ('mistakes' in read) return read;
  const mesh = readMeshConfig(textOf(read.ok.meshConfigFile));
  if ('mistakes' in mesh) return mesh;
  const listen = listeners(read.ok);
  if ('mistakes' in listen) return listen;
  if (read.ok.debounceMax < read.ok.debounceAfter) return { mistakes: ['PILOT_DEBOUNCE_MAX is shorter than PILOT_DEBOUNCE_AFTER.'] };
  const system = read.ok.podNamespace;
  return {
    ok: Object.freeze({
      ...read.ok,
      trustDomain: read.ok.trustDomain ?? mesh.ok.trustDomain ?? 'cluster.local',
      rootNamespace: mesh.ok.rootNamespace ?? system,
      trustedNodeAccounts: read.ok.trustedNodeAccounts.length > 0 ? read.ok.trustedNodeAccounts : [`${system}/ztunnel`],
      waypointResources: JSON.parse(read.ok.waypointResources) as Readonly<Record<string, unknown>>,
      mesh: mesh.ok,
      listen: listen.ok,
    }),
  };
}

function listeners(s: Values<typeof settings>): { readonly ok: Listeners } | { readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const address = (name: string, given: string): SocketAddress => {
    // `:15012`, as Go programs are told it, means every address.
    const parsed = parseSocket(given.startsWith(':') ? `[::]${given}` : given);
    if (parsed === undefined) mistakes.push(`${name} is ${JSON.stringify(given)} but must be an address and a port, such as [::]:15012.`);
    return parsed ?? parseSocket('[::]:0') ?? fail();
  };
  const ok = {
    secure: address('SECURE_GRPC_ADDR', s.secureAddress),
    plain: s.plainAddress === undefined ? undefined : address('GRPC_ADDR', s.plainAddress),
    http: address('HTTP_ADDR', s.httpAddress),
    monitoring: address('MONITORING_ADDR', s.monitoringAddress),
    debug: address('DEBUG_ADDR', s.debugAddress),
    graph: s.graphAddress === '' ? undefined : address('GRAPH_ADDR', s.graphAddress),
  };
  if (mistakes.length === 0 && !isLoopback(ok.debug.ip))
    mistakes.push(`DEBUG_ADDR is ${s.debugAddress} but must be a loopback address: the pages show the whole mesh to whoever asks.`);
  return mistakes.length > 0 ? { mistakes } : { ok };
}

function fail(): never {
  throw new Error('an address that is always good was not');
}
