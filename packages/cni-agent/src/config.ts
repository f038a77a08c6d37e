// Turns the environment into one frozen configuration, or into every mistake at once. The table is settings.ts.
import { isAbsolute } from 'node:path';
import { familyOf, type Ip, parseIp } from '@ambient-mesh/model/address';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Environment, readSettings, type Values } from '@ambient-mesh/runtime/settings';
import { parse } from 'yaml';
import { defaultSelectors, type Enablement, type EnablementSelector, parseSelectors } from './facts/enablement.ts';
import { settings } from './settings.ts';

export interface Config extends Omit<Values<typeof settings>, 'nodeName' | 'enablementSelector' | 'probeV4' | 'probeV6'> {
  readonly nodeName: string;
  readonly enablement: Enablement;
  readonly probe: { readonly v4: Ip; readonly v6: Ip };
}

export function configure(env: Environment): { readonly ok: Config } | { readonly mistakes: readonly string[] } {
  const read = readSettings(settings, env);
  if ('mistakes' in read) return read;
  const { nodeName, enablementSelector, probeV4, probeV6, ...plain } = read.ok;
  const mistakes: string[] = [];
  if (nodeName === undefined) mistakes.push('NODE_NAME is not set: the agent cares for the pods of one node and must know which.');
  const v4 = parseIp(probeV4);
  const v6 = parseIp(probeV6);
  if (v4 === undefined || familyOf(v4) !== 4)
    mistakes.push(`HOST_PROBE_SNAT_IP is ${JSON.stringify(probeV4)} but must be an IPv4 address.`);
  if (v6 === undefined || familyOf(v6) !== 6)
    mistakes.push(`HOST_PROBE_SNAT_IPV6 is ${JSON.stringify(probeV6)} but must be an IPv6 address.`);
  const selectors = selectorsOf(enablementSelector);
  if ('mistake' in selectors) mistakes.push(`AMBIENT_ENABLEMENT_SELECTOR: ${selectors.mistake}.`);
  if (plain.ownedConfig && !plain.chained) mistakes.push('ISTIO_OWNED_CNI_CONFIG needs CHAINED_CNI_PLUGIN.');
  for (const [name, path] of [
    ['ZTUNNEL_UDS_ADDRESS', plain.ztunnelSocket],
    ['CNI_AGENT_RUN_DIR', plain.runDir],
  ] as const)
    if (!isAbsolute(path)) mistakes.push(`${name} is ${JSON.stringify(path)} but must be an absolute path.`);
  if (mistakes.length > 0 || nodeName === undefined || v4 === undefined || v6 === undefined || 'mistake' in selectors) return { mistakes };
  const enablement = { selectors: selectors.ok, excludedNamespaces: new Set(plain.excludedNamespaces) };
  return { ok: Object.freeze({ ...plain, nodeName, enablement, probe: { v4, v6 } }) };
}

function selectorsOf(text: string | undefined): { readonly ok: readonly EnablementSelector[] } | { readonly mistake: string } {
  if (text === undefined) return { ok: defaultSelectors };
  try {
    return parseSelectors(parse(text));
  } catch (e) {
    return { mistake: describeError(e).split('\n')[0] ?? '' };
  }
}
