// Turns the environment into one frozen configuration, or into every mistake at once: nothing else in the waypoint reads the environment.
// The table is settings.ts. Called by main.ts.
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import { type Environment, readSettings, type Values } from '@ambient-mesh/runtime/settings';
import { type GrpcTarget, parseTarget } from '@ambient-mesh/wire/grpc/target';
import { settings } from './settings.ts';

export interface Config extends Omit<Values<typeof settings>, 'gateway' | 'instanceIp'> {
  /** Name of the Gateway. */
  readonly gateway: string;
  readonly ip: Ip | undefined;
  readonly xds: GrpcTarget;
  readonly ca: GrpcTarget;
}

export function configure(env: Environment): { readonly ok: Config } | { readonly mistakes: readonly string[] } {
  const read = readSettings(settings, env);
  if ('mistakes' in read) return read;
  const s = read.ok;
  const ca = target(s, s.caAddress);
  const xds = target(s, s.xdsAddress ?? s.caAddress);
  const mistakes = [
    ca === undefined ? `CA_ADDRESS is ${JSON.stringify(s.caAddress)} but must be a host and a port.` : [],
    xds === undefined ? `XDS_ADDRESS is ${JSON.stringify(s.xdsAddress)} but must be a host and a port.` : [],
  ].flat();
  if (ca === undefined || xds === undefined) return { mistakes };
  const ip = s.instanceIp === '1.1.1.1' ? undefined : parseIp(s.instanceIp);
  return { ok: Object.freeze({ ...s, gateway: s.gateway ?? s.serviceAccount, ip, xds, ca }) };
}

function target(s: Values<typeof settings>, address: string): GrpcTarget | undefined {
  const parsed = parseTarget(address);
  return parsed && { ...parsed, root: { file: s.rootCert }, token: { file: s.tokenFile }, headers: [['clusterid', s.clusterId]] };
}
