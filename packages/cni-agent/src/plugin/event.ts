// What the plugin tells the agent over the sockets between them, as both ends write and read it: names as in Istio's agent. Pure.
// Sent by ask-agent.ts and log-lines.ts, received by server.ts.

import { isObject, objectOf, textOf } from '@ambient-mesh/kube/raw';
import { familyOf, type Ip, parseIp } from '@ambient-mesh/model/address';
import type { Attachment, PodRef } from './cni.ts';
import type { GivenAddress } from './prev-result.ts';
import { type LogLevel, logLevels } from './settings.ts';

/** In the run directory. */
export const eventSocket = 'pluginevent.sock';
export const logSocket = 'log.sock';

/** A pod is about to start, and has its network. */
export interface AddRequest {
  readonly namespace: string;
  readonly pod: string;
  /** As kubelet calls it (for static pods not `metadata.uid`). Undefined when the runtime did not say. */
  readonly uid: string | undefined;
  /** Path as seen on the host. */
  readonly netns: string;
  /** Every one once, IPv4 addresses as such. */
  readonly ips: readonly Ip[];
}

/** `in-mesh`: it is enrolled now. `not-in-mesh`: it does not belong there. */
export const addVerdicts = ['in-mesh', 'not-in-mesh'] as const;
export type AddVerdict = (typeof addVerdicts)[number];

export type CheckRequest = AddRequest;
/** `not-enrolled`: it belongs in the mesh, and is not there. */
export const checkVerdicts = ['enrolled', 'not-enrolled', 'not-in-mesh'] as const;
export type CheckVerdict = (typeof checkVerdicts)[number];

export const writeRequest = ({ netns, containerId }: Attachment, pod: PodRef, addresses: readonly GivenAddress[]): string =>
  JSON.stringify({
    Netns: netns,
    PodName: pod.name,
    PodNamespace: pod.namespace,
    PodUID: pod.uid,
    ContainerID: containerId,
    IPs: addresses.map((each) => ({
      Interface: each.interface,
      Address: { IP: each.ip, Mask: maskOf(each) },
      Gateway: each.gateway,
    })),
  });

/** Of names, paths and addresses; Kubernetes' own limits are lower. */
const longestText = 4_096;
const mostAddresses = 256;

export function readRequest(text: string): { readonly ok: AddRequest } | { readonly mistake: string } {
  const raw = parse(text);
  if (!isObject(raw)) return { mistake: 'the body is no JSON object' };
  const [pod, namespace, netns, uid] = [raw.PodName, raw.PodNamespace, raw.Netns, raw.PodUID ?? ''].map(textOf);
  if (!pod || !namespace || !netns) return { mistake: 'PodName, PodNamespace and Netns must be given' };
  if ([pod, namespace, netns, uid].some((each = '') => each.length > longestText || each.includes('\0')))
    return { mistake: 'PodName, PodNamespace, PodUID or Netns is too long' };
  const given = raw.IPs ?? [];
  if (!Array.isArray(given) || given.length > mostAddresses) return { mistake: 'IPs is no list, or too long' };
  const ips = given.map((each) => parseIp(textOf(objectOf(objectOf(each).Address).IP)));
  if (!ips.every((ip) => ip !== undefined)) return { mistake: 'one of the IPs has no Address.IP that is an address' };
  return { ok: { namespace, pod, uid: uid || undefined, netns, ips: [...new Set(ips)] } };
}

export const writeVerdict = (verdict: AddVerdict | CheckVerdict): string => JSON.stringify({ Verdict: verdict });

export function readVerdict<V extends string>(text: string, all: readonly V[]): V | undefined {
  const { Verdict } = objectOf(parse(text));
  return all.find((each) => each === Verdict);
}

export interface PluginLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Whatever else the line says: time, pod. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export const writeLine = ({ level, message, fields }: PluginLine): string => JSON.stringify({ level, msg: message, ...fields });

const mostLines = 256;

/** A JSON array of lines, each a text that is JSON again. Lines that are none are taken as messages. */
export function readLines(text: string): readonly PluginLine[] | undefined {
  const raw = parse(text);
  if (!Array.isArray(raw) || raw.length > mostLines || !raw.every((each) => typeof each === 'string')) return undefined;
  return raw.map((each) => {
    const line = parse(each);
    if (!isObject(line)) return { level: 'info', message: each, fields: {} };
    const { level, msg, ...fields } = line;
    return { level: logLevels.find((known) => known === level) ?? 'info', message: textOf(msg), fields };
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As Go writes a mask: its bytes in base64. */
function maskOf({ ip, prefixLength }: GivenAddress): string {
  const bytes = Buffer.alloc(familyOf(ip) === 4 ? 4 : 16);
  for (let at = 0; at < prefixLength; at++) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (0x80 >> (at & 7));
  return bytes.toString('base64');
}
