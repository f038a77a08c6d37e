// The addresses of a network namespace, for whoever must know whose it is before entering it for good.
import { networkInterfaces } from 'node:os';
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import type { Netns } from './netns.ts';

/** Of interfaces that are up; loopback and link-local addresses are nobody's own and left out. Throws `host.setns` when it is no network namespace. */
export function interfaceAddresses(netns: Netns): Ip[] {
  const all = Object.values(netns.run(networkInterfaces)).flatMap((addresses) => addresses ?? []);
  return all
    .filter(({ internal, address }) => !internal && !/^(fe[89ab]|169\.254\.)/i.test(address))
    .flatMap(({ address }) => parseIp(address) ?? []);
}
