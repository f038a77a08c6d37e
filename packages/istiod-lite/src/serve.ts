// The gRPC side of istiod-lite: xDS and the certificate service with TLS, xDS in clear where that is asked for, and who is let in.
// Made by app.ts once there is an authority and the index has followed everything.
import type { ServingCertificate } from '@ambient-mesh/identity/authority';
import type { SocketAddress } from '@ambient-mesh/model/address';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { certificateMethod, certificatePath } from '@ambient-mesh/wire/ca/server';
import { GrpcServer, type Method, type ServerTls } from '@ambient-mesh/wire/grpc/server';
import { grpcCode } from '@ambient-mesh/wire/grpc/status';
import { type Admission, type Applicant, deltaPath, XdsServer } from '@ambient-mesh/wire/xds/server';
import type { Config } from './config.ts';
import type { Logger } from './log.ts';
import { admit } from './push/admission.ts';
import type { Publisher } from './push/publisher.ts';
import type { Authenticator } from './sign/authenticate.ts';
import type { CertificateService } from './sign/certificate-service.ts';
import { serveWithOwnCertificate, servingNames } from './sign/serving-certificate.ts';
import type { SigningAuthority } from './sign/signing-authority.ts';
import type { Telemetry } from './telemetry.ts';

export interface ServeParts {
  readonly config: Config;
  readonly authority: SigningAuthority;
  readonly authenticator: Authenticator;
  readonly certificates: CertificateService;
  readonly publisher: Publisher;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly clock: Clock;
}

const servingTtl = ms(86_400_000);

/** Makes the xDS server, which may be pushed to before anybody is let in. */
export function xdsServer({
  config,
  authenticator,
  publisher,
  telemetry,
  log,
  clock,
}: Omit<ServeParts, 'authority' | 'certificates'>): XdsServer {
  const secured = async ({ node, peer, authorization, clusterId }: Applicant): Promise<Admission> => {
    const caller = await authenticator.authenticate({ certificate: peer.identities, authorization, clusterId });
    const admission = admit(caller, node);
    if ('ok' in admission) return admission;
    telemetry.refusedClients.series([admission.refused]).value++;
    log.warn({ node: node.id, peer: peer.address, reason: admission.detail }, 'an xDS client was refused');
    const status = admission.refused === 'unauthenticated' ? grpcCode.unauthenticated : grpcCode.permissionDenied;
    return { refused: { status, text: admission.text } };
  };
  return new XdsServer({
    collections: [publisher.policies, publisher.addresses, publisher.l7],
    // On the port in clear nobody can prove who they are: whoever opens that port lets everybody in.
    admit: (applicant) => (applicant.peer.secure ? secured(applicant) : Promise.resolve({ ok: true })),
    clock,
    report: {
      connected: (node, peer) =>
        log.info({ node: node.id, type: node.type, peer: peer.address, clusterId: config.clusterId }, 'xDS client connected'),
      disconnected: (node, why) => log.info({ node: node.id, why }, 'xDS client disconnected'),
      sent: (typeUrl) => telemetry.pushes.series([typeUrl]).value++,
      acked: (took) => telemetry.pushTime.observe({}, took / 1_000),
      refused: (node, typeUrl, text) => {
        telemetry.rejects.series([typeUrl]).value++;
        log.warn({ node: node.id, type: typeUrl, text: text.slice(0, 1_000) }, 'an xDS client refused a response');
      },
    },
  });
}

export interface Serving extends AsyncDisposable {
  readonly secure: SocketAddress;
  readonly plain: SocketAddress | undefined;
  /** Asks every client to leave; resolves when they have, or when `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
}

/** Listens. There must be an authority. */
export async function serve(parts: ServeParts, xds: XdsServer): Promise<Serving> {
  const { config, authority, certificates, log, clock } = parts;
  await using owned = new AsyncDisposableStack();
  let certificate: ServingCertificate | undefined;
  let server: GrpcServer | undefined;
  const tls = ({ chainPem, keyPem }: ServingCertificate): ServerTls => ({ chainPem, keyPem, rootsPem: authority.rootsPem });
  owned.use(
    serveWithOwnCertificate({
      authority,
      names: servingNames(config.podNamespace, config.clusterDomain, config.moreServingNames),
      ttl: servingTtl,
      clock,
      use: (next) => {
        certificate = next;
        server?.useTls(tls(next));
      },
      failed: (why) => log.error({ why }, 'no certificate for our own server'),
    }),
  );
  if (certificate === undefined) throw new Error('the authority gave no certificate for our own server');
  const xdsMethods: Record<string, Method> = { [deltaPath]: xds.method };
  const sign = certificateMethod((request) =>
    certificates.sign({ ...request, certificate: request.peer.identities, peer: request.peer.address }),
  );
  const common = {
    clock,
    random: Math.random,
    maxAge: config.connectionAge,
    failed: (path: string, why: string) => log.error({ path, why }, 'a call failed'),
  };
  server = owned.use(
    await GrpcServer.listen({
      ...common,
      listen: config.listen.secure,
      tls: tls(certificate),
      methods: { ...xdsMethods, [certificatePath]: sign },
    }),
  );
  const { plain: plainAddress } = config.listen;
  const plain =
    plainAddress && owned.use(await GrpcServer.listen({ ...common, listen: plainAddress, tls: undefined, methods: xdsMethods }));
  const servers = [server, ...(plain ? [plain] : [])];
  const all = owned.move();
  return {
    secure: { ip: config.listen.secure.ip, port: server.port },
    plain: plainAddress && plain && { ip: plainAddress.ip, port: plain.port },
    drain: async (deadline) => {
      const drained = Promise.all(servers.map((each) => each.drain(deadline)));
      xds[Symbol.dispose]();
      await drained;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
