// The result of the plugins before us: which addresses it gives, and the same result as another version writes it. Pure.
// Used by decide.ts and main.ts. Fields that we do not know are passed on as they are.

import { isObject, objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { familyOf, type Ip, parseIp } from '@ambient-mesh/model/address';
import { type CniVersion, cniVersions } from './cni.ts';

export interface GivenAddress {
  readonly ip: Ip;
  readonly prefixLength: number;
  /** Index into the result's interfaces. */
  readonly interface: number | undefined;
  readonly gateway: string | undefined;
}

/** Undefined when one of them is no address. */
export function addressesOf({ ips = [] }: RawObject): readonly GivenAddress[] | undefined {
  if (ips === null) return [];
  if (!Array.isArray(ips)) return undefined;
  const read = ips.map((each) => {
    const { address, interface: index, gateway } = objectOf(each);
    const [text = '', length] = textOf(address).split('/');
    const ip = parseIp(text);
    if (ip === undefined) return undefined;
    const longest = familyOf(ip) === 4 ? 32 : 128;
    const prefixLength = length !== undefined && /^\d{1,3}$/.test(length) ? Math.min(Number(length), longest) : longest;
    return { ip, prefixLength, interface: Number.isInteger(index) ? Number(index) : undefined, gateway: textOf(gateway) || undefined };
  });
  return read.every((each) => each !== undefined) ? read : undefined;
}

/**
 * Runtimes hand a result over in the configuration's version already, and it stays as it is. One that says another version of itself is
 * rewritten: `ips[].version` exists up to 0.4.0, more fields of interfaces and routes from 1.1.0.
 */
export function asVersion(result: RawObject, version: CniVersion): RawObject {
  const from = result.cniVersion;
  if (from === undefined || from === '' || from === version) return { ...result, cniVersion: version };
  const { ips, interfaces, routes } = result;
  const isOld = isBefore(version, '1.0.0');
  const drops = isBefore(version, '1.1.0');
  return {
    ...result,
    cniVersion: version,
    ...(Array.isArray(ips) && { ips: ips.map((each) => (isOld ? withFamily(each) : without(each, ['version']))) }),
    ...(drops && Array.isArray(interfaces) && { interfaces: interfaces.map((each) => without(each, ['mtu', 'socketPath', 'pciID'])) }),
    ...(drops && Array.isArray(routes) && { routes: routes.map((each) => without(each, ['mtu', 'advmss', 'priority', 'table', 'scope'])) }),
  };
}

const isBefore = (a: CniVersion, b: CniVersion): boolean => cniVersions.indexOf(a) < cniVersions.indexOf(b);

const withFamily = (raw: unknown): unknown => (isObject(raw) ? { version: textOf(raw.address).includes(':') ? '6' : '4', ...raw } : raw);

const without = (raw: unknown, names: readonly string[]): unknown =>
  isObject(raw) ? Object.fromEntries(Object.entries(raw).filter(([name]) => !names.includes(name))) : raw;
