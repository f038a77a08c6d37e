// How this process reaches the control plane: who it says it is, with what it proves it, and what it trusts. From configuration to ports.
// Used by app.ts for the xDS client and the certificate authority.
import { existsSync } from 'node:fs';
import { dialSocket } from '@ambient-mesh/host/sockets';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type GrpcTarget, parseTarget, type RootSource, type TokenSource } from '@ambient-mesh/wire/grpc/target';
import type { Config } from './config.ts';

const defaultTokenFile = './var/run/secrets/tokens/istio-token';

export type TargetMistake = { readonly code: 'config.address'; readonly variable: string };

export function xdsTarget(config: Config, address: string): GrpcTarget {
  return target(config, {
    address,
    variable: 'XDS_ADDRESS',
    root: config.xdsRootCert,
    altHostname: config.altXdsHostname,
    headers: config.xdsHeaders,
  });
}

/** @throws MeshError<TargetMistake> when there is no address, without which no pod can have a certificate. */
export function caTarget(config: Config): GrpcTarget {
  return target(config, {
    address: config.ca ?? '',
    variable: 'CA_ADDRESS',
    root: config.caRootCert,
    altHostname: config.altCaHostname,
    headers: config.caHeaders,
  });
}

interface Wanted {
  readonly address: string;
  readonly variable: string;
  readonly root: string;
  readonly altHostname: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
}

function target(config: Config, { address, variable, root, altHostname, headers }: Wanted): GrpcTarget {
  const parsed = parseTarget(address);
  if (parsed === undefined) {
    throw new MeshError<TargetMistake>(
      { code: 'config.address', variable },
      `${variable} is ${JSON.stringify(address)} but must be an https address such as https://istiod.istio-system.svc:15012.`,
    );
  }
  const token = tokenSource(config.authToken);
  return {
    ...parsed,
    root: rootSource(root),
    ...(altHostname !== undefined && { altHostname }),
    ...(token !== undefined && { token }),
    ...marking(config),
    headers: token === undefined ? headers : [['clusterid', config.clusterId], ...headers],
  };
}

/** A file if there is one or if it looks like a path (it may come later), the machine's own roots, or the text itself. */
function rootSource(root: string): RootSource {
  if (root === 'SYSTEM') return { system: true };
  return root.includes('-----BEGIN') && !existsSync(root) ? { literal: root } : { file: root };
}

function tokenSource(given: string | undefined): TokenSource | undefined {
  if (given === undefined) return existsSync(defaultTokenFile) ? { file: defaultTokenFile } : undefined;
  return existsSync(given) ? { file: given } : { literal: given };
}

/** In a pod's own namespace the capture rules would turn our own connections back to us, but for the mark. */
function marking({ proxyMode, mark }: Config): Pick<GrpcTarget, 'socket'> {
  return proxyMode === 'dedicated' && mark !== undefined ? { socket: (family) => dialSocket({ family, mark }) } : {};
}
