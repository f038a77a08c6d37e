// What a container runtime says to a CNI plugin and hears from it, versions 0.3.0 to 1.1.0 of the specification. Pure.
// main.ts hands environment and standard input in and prints what comes of them; what the chain entry's own fields mean is in settings.ts.
// The result of the plugins before us is passed on (prev-result.ts); we never make one.
import { isObject, type RawObject, textOf } from '@ambient-mesh/kube/raw';

/** Oldest first. Before 0.3.0 there were no chains. */
export const cniVersions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof cniVersions)[number];
const newest: CniVersion = '1.1.0';

/** Codes below 100 are the specification's; 999 is what plugins use for their own mistakes. */
export const codes = {
  incompatibleVersion: 1,
  badEnvironment: 4,
  undecodable: 6,
  badConfiguration: 7,
  tryAgainLater: 11,
  notCaptured: 100,
  internal: 999,
} as const;

export interface CniError {
  readonly code: (typeof codes)[keyof typeof codes];
  /** Short; what the user reads first in the pod's events. */
  readonly msg: string;
  readonly details?: string;
}

/** What the specification calls an attachment: one interface of one container on this network. */
export interface Attachment {
  readonly containerId: string;
  /** Path of the network namespace as the runtime, on the host, sees it. */
  readonly netns: string;
  /** Of `CNI_ARGS`. Undefined when the runtime is none of Kubernetes. */
  readonly pod: PodRef | undefined;
}

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  /** As kubelet calls it: for a static pod the hash of its file, not `metadata.uid`. */
  readonly uid: string | undefined;
}

export type Call =
  | {
      readonly command: 'ADD' | 'CHECK';
      readonly version: CniVersion;
      readonly attachment: Attachment;
      readonly config: RawObject;
      readonly prevResult: RawObject;
    }
  | { readonly command: 'STATUS'; readonly version: CniVersion; readonly config: RawObject }
  /** `version` is what to answer in. */
  | { readonly command: 'VERSION'; readonly version: CniVersion }
  /** DEL and GC: always fine, whatever they carry. There is nothing to release, and a refusal would keep a pod from ending. */
  | { readonly command: 'nothing' };

export interface Refusal {
  readonly error: CniError;
  /** To answer in. */
  readonly version: CniVersion;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `stdin` may be anything. */
export function readCall(env: Environment, stdin: string): Call | Refusal {
  const command = env.CNI_COMMAND ?? '';
  if (command === 'DEL' || command === 'GC') return { command: 'nothing' };
  const config = parseObject(stdin);
  if (command === 'VERSION') return { command, version: versionOf(config) ?? newest };
  const version = versionOf(config);
  const refuse = (code: CniError['code'], msg: string, details?: string): Refusal => ({
    error: { code, msg, ...(details !== undefined && { details }) },
    version: version ?? newest,
  });
  if (command !== 'ADD' && command !== 'CHECK' && command !== 'STATUS')
    return refuse(codes.badEnvironment, `CNI_COMMAND is ${quoted(command)}, which is none of ADD, DEL, CHECK, GC, STATUS, VERSION`);
  if (config === undefined) return refuse(codes.undecodable, 'the network configuration on standard input is no JSON object');
  if (version === undefined || cniVersions.indexOf(version) < cniVersions.indexOf(since[command]))
    return refuse(
      codes.incompatibleVersion,
      'incompatible CNI versions',
      `the configuration has ${quoted(config.cniVersion ?? '')}, and ${command} takes ${since[command]} to ${newest}`,
    );
  if (command === 'STATUS') return { command, version, config };
  const attachment = readAttachment(env);
  if ('mistake' in attachment) return refuse(codes.badEnvironment, attachment.mistake);
  if (textOf(config.name) === '') return refuse(codes.badConfiguration, 'the network configuration has no name');
  const { prevResult } = config;
  if (!isObject(prevResult))
    return refuse(codes.badConfiguration, 'required prevResult is missing', 'istio-cni works only after another plugin of the same chain');
  return { command, version, attachment, config, prevResult };
}

/** The first version that has the command, as far as we know versions. */
const since: Readonly<Record<'ADD' | 'CHECK' | 'STATUS', CniVersion>> = { ADD: '0.3.0', CHECK: '0.4.0', STATUS: '1.1.0' };

export const isRefusal = (call: Call | Refusal): call is Refusal => 'error' in call;

/** What VERSION prints. */
export const versionText = (version: CniVersion): string => JSON.stringify({ cniVersion: version, supportedVersions: cniVersions });

/** What is printed when a command fails; the exit code is then 1. */
export const errorText = ({ error, version }: Refusal): string => JSON.stringify({ cniVersion: version, ...error });

function versionOf(config: RawObject | undefined): CniVersion | undefined {
  return cniVersions.find((each) => each === config?.cniVersion);
}

function parseObject(text: string): RawObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Bounded, for error texts. */
const quoted = (value: unknown): string => JSON.stringify(value).slice(0, 64);

const required = ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'] as const;

function readAttachment(env: Environment): Attachment | { readonly mistake: string } {
  const missing = required.filter((name) => !env[name]);
  if (missing.length > 0) return { mistake: `required environment variables are missing: ${missing.join(', ')}` };
  const { CNI_CONTAINERID: containerId = '', CNI_NETNS: netns = '', CNI_IFNAME: ifname = '' } = env;
  if (!/^[a-zA-Z0-9][\w.-]*$/.test(containerId)) return { mistake: `CNI_CONTAINERID is ${quoted(containerId)}, which is no container ID` };
  if (!/^[^\s/:]{1,15}$/.test(ifname) || ifname === '.' || ifname === '..')
    return { mistake: `CNI_IFNAME is ${quoted(ifname)}, which is no name of an interface` };
  return { containerId, netns, pod: podOf(env.CNI_ARGS ?? '') };
}

/** `K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;…`; what is no pair is left out. */
function podOf(args: string): PodRef | undefined {
  const pairs = new Map(args.split(';').map((pair) => splitOnce(pair)));
  const [namespace, name] = [pairs.get('K8S_POD_NAMESPACE'), pairs.get('K8S_POD_NAME')];
  return namespace && name ? { namespace, name, uid: pairs.get('K8S_POD_UID') || undefined } : undefined;
}

function splitOnce(pair: string): [key: string, value: string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}
