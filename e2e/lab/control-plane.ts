// Stands in for the control plane: xDS and the certificate service over TLS on the underlay's address, with a test authority behind.
// The mesh is what the scenario `put`s, as model objects; every put waits until the connected ztunnels have acknowledged it.
import { writeFileSync } from 'node:fs';
import type { Netns } from '@ambient-mesh/host/netns';
import { listenTcp } from '@ambient-mesh/host/sockets';
import { type TestAuthority, testAuthority } from '@ambient-mesh/identity/testing';
import type { Policy } from '@ambient-mesh/model/policy';
import { type Service, serviceKey } from '@ambient-mesh/model/service';
import { parseSpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '@ambient-mesh/wire/messages/citadel_pb';
import { encodePolicy, encodeService, encodeWorkload } from '@ambient-mesh/wire/xds/encode';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyAddress, underlayAddress } from './addressing.ts';
import { type Call, GrpcServer } from './grpc-server.ts';
import { addressType, type Change, policyType, XdsPush } from './xds-push.ts';

export type MeshResource = Workload | Service | Policy;

const port = 15012;
const hostname = 'istiod.istio-system.svc';

export class ControlPlane implements AsyncDisposable {
  readonly authority: TestAuthority;
  readonly xds: XdsPush;
  /** SPIFFE URIs that certificates were asked for, in order, repeats included. */
  readonly signed: string[] = [];
  /** Environment of a ztunnel that shall use this control plane. */
  readonly clientEnv: Readonly<Record<string, string>>;
  readonly #server: GrpcServer;
  /** Seconds that certificates live when not as long as asked. */
  ttlSeconds: number | undefined;

  private constructor(underlay: Netns, folder: string) {
    this.authority = testAuthority();
    this.xds = new XdsPush();
    const rootFile = `${folder}/root-cert.pem`;
    writeFileSync(rootFile, this.authority.rootsPem.join(''));
    const { certChainPem, keyPem } = this.authority.custom({ subject: { commonName: hostname }, uris: [] });
    const { fd } = listenTcp({ netns: underlay, ip: anyAddress, port, reusePort: false, transparent: 'off' });
    this.#server = new GrpcServer({
      fd,
      certPem: certChainPem,
      keyPem,
      methods: {
        '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources': (call) => this.xds.serve(call),
        '/istio.v1.auth.IstioCertificateService/CreateCertificate': (call) => this.#sign(call),
      },
    });
    const address = `https://${underlayAddress.v4}:${port}`;
    this.clientEnv = {
      XDS_ADDRESS: address,
      XDS_ROOT_CA: rootFile,
      ALT_XDS_HOSTNAME: hostname,
      CA_ADDRESS: address,
      CA_ROOT_CA: rootFile,
      ALT_CA_HOSTNAME: hostname,
      AUTH_TOKEN: 'lab-token',
    };
  }

  static async start(underlay: Netns, folder: string): Promise<ControlPlane> {
    return new ControlPlane(underlay, folder);
  }

  /** Adds or replaces; resolves when every connected ztunnel has taken it. */
  put(...resources: readonly MeshResource[]): Promise<void> {
    return this.xds.push(resources.map(encode));
  }

  remove(...resources: readonly MeshResource[]): Promise<void> {
    return this.xds.push(resources.map((resource) => ({ ...encode(resource), body: undefined })));
  }

  /** Cuts every connection; clients come back by themselves. */
  disconnect(): void {
    this.#server.disconnect();
  }

  #sign(call: Call): void {
    call.onMessage = (message) => {
      const { csr, validityDuration, metadata } = fromBinary(IstioCertificateRequestSchema, message);
      const wanted = metadata?.ImpersonatedIdentity ?? call.headers.lab_identity;
      const identity = typeof wanted === 'string' ? parseSpiffeId(wanted) : undefined;
      if (call.headers.authorization !== 'Bearer lab-token' || identity === undefined) return call.finish(16, 'who are you?');
      this.signed.push(identity.uri);
      const certChain = [...this.authority.sign(csr, identity, this.ttlSeconds ?? Number(validityDuration))];
      call.send(toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain })));
      return call.finish(0);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function encode(resource: MeshResource): Change {
  if ('action' in resource) return { type: policyType, name: resource.key, aliases: [], node: '', body: encodePolicy(resource) };
  if ('vips' in resource) {
    const aliases = resource.vips.map(({ network, ip }) => `${network}/${ip}`);
    return { type: addressType, name: serviceKey(resource), aliases, node: '', body: encodeService(resource) };
  }
  const aliases = resource.addresses.map((ip) => `${resource.network}/${ip}`);
  return { type: addressType, name: resource.uid, aliases, node: resource.node, body: encodeWorkload(resource) };
}
