// A control plane for tests: delta xDS and the certificate service over TLS, driven by hand.
// Built on connect-node, which shares no code with our client: what it accepts is gRPC, not merely what we think gRPC is.
// What it knows of the mesh is what the test pushes; it acknowledges nothing and checks nothing by itself.
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Policy } from '@ambient-mesh/model/policy';
import { type Service, serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { type IstioCertificateRequest, IstioCertificateService } from '../messages/generated/citadel_pb.js';
import {
  AggregatedDiscoveryService,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponseSchema,
} from '../messages/generated/discovery_pb.js';
import { encodePolicy, encodeService, encodeWorkload } from '../xds/encode.ts';
import { addressType, authorizationType } from '../xds/subscription.ts';
import { Mailbox } from './mailbox.ts';

export interface TestResource {
  readonly name: string;
  readonly version?: string;
  readonly aliases?: readonly string[];
  /** Undefined: a resource without a body. */
  readonly body: Uint8Array | undefined;
}

export const workloadResource = (w: Workload, version = ''): TestResource => ({ name: w.uid, version, body: encodeWorkload(w) });
export const serviceResource = (s: Service, version = ''): TestResource => ({ name: serviceKey(s), version, body: encodeService(s) });
export const policyResource = (p: Policy, version = ''): TestResource => ({ name: p.key, version, body: encodePolicy(p) });

export interface TestPush {
  /** Default: addresses. */
  readonly typeUrl?: string;
  readonly resources?: readonly TestResource[];
  readonly removed?: readonly string[];
}

type DeltaResponse = MessageInitShape<typeof DeltaDiscoveryResponseSchema>;

/** One xDS stream, from the server's side. */
class TestStream {
  readonly headers: Headers;
  readonly requests = new Mailbox<DeltaDiscoveryRequest>();
  readonly responses = new Mailbox<DeltaResponse>();
  #nonce = 0;

  constructor(headers: Headers) {
    this.headers = headers;
  }

  /** Returns the nonce. */
  push({ typeUrl = addressType, resources = [], removed = [] }: TestPush): string {
    const nonce = `nonce-${++this.#nonce}`;
    this.responses.put({
      typeUrl,
      nonce,
      removedResources: [...removed],
      resources: resources.map(({ name, version = '', aliases = [], body }) => ({
        name,
        version,
        aliases: [...aliases],
        ...(body && { resource: { typeUrl, value: body } }),
      })),
    });
    return nonce;
  }

  /** Pushes policies, by default none: what a client that waits for its first sync needs. */
  pushPolicies(resources: readonly TestResource[] = []): string {
    return this.push({ typeUrl: authorizationType, resources });
  }

  fail(code: Code, message: string): void {
    this.responses.close(new ConnectError(message, code));
  }

  end(): void {
    this.responses.close();
  }
}

export interface TestControlPlaneOptions {
  /** PEM, leaf first. */
  readonly certChainPem: string;
  readonly keyPem: string;
  /** Default `localhost`, any free port. */
  readonly host?: string;
  readonly port?: number;
  /** Default: refuses. Throw a ConnectError to answer with its status. */
  readonly sign?: (request: IstioCertificateRequest, headers: Headers) => readonly string[] | Promise<readonly string[]>;
  /** Refuses a call before it is accepted, as grpc-go does: a gRPC status in place of an answer. */
  readonly refuse?: () => { readonly status: number; readonly message: string } | undefined;
}

export class TestControlPlane implements AsyncDisposable {
  /** In the order of their opening. */
  readonly streams = new Mailbox<TestStream>();
  /** HTTP/2 connections ever accepted. */
  connections = 0;
  readonly #options: TestControlPlaneOptions;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();

  static async listen(options: TestControlPlaneOptions): Promise<TestControlPlane> {
    const plane = new TestControlPlane(options);
    await new Promise<void>((resolve, reject) => {
      plane.#server.once('error', reject);
      plane.#server.listen(options.port ?? 0, options.host ?? 'localhost', resolve);
    });
    return plane;
  }

  private constructor(options: TestControlPlaneOptions) {
    this.#options = options;
    const handler = connectNodeAdapter({ routes: (router) => this.#routes(router), readMaxBytes: 64 << 20, writeMaxBytes: 256 << 20 });
    this.#server = createSecureServer({ cert: options.certChainPem, key: options.keyPem }, (request, response) => {
      const refusal = options.refuse?.();
      if (refusal === undefined) return handler(request, response);
      response.stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': refusal.status,
          'grpc-message': encodeURIComponent(refusal.message),
        },
        { endStream: true },
      );
    });
    this.#server.on('session', (session) => {
      this.connections++;
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next stream that the client opens. */
  stream(): Promise<TestStream> {
    return this.streams.take();
  }

  /** Cuts every connection, as a crash would. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    for (const stream of this.streams.seen) stream.end();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #routes(router: ConnectRouter): void {
    const { sign } = this.#options;
    router.service(AggregatedDiscoveryService, {
      deltaAggregatedResources: (requests: AsyncIterable<DeltaDiscoveryRequest>, context: HandlerContext) => {
        const stream = new TestStream(context.requestHeader);
        this.streams.put(stream);
        void drainInto(requests, stream.requests);
        return stream.responses;
      },
    });
    router.service(IstioCertificateService, {
      createCertificate: async (request: IstioCertificateRequest, context: HandlerContext) => {
        if (sign === undefined) throw new ConnectError('this control plane signs nothing', Code.PermissionDenied);
        return { certChain: [...(await sign(request, context.requestHeader))] };
      },
    });
  }
}

async function drainInto(requests: AsyncIterable<DeltaDiscoveryRequest>, into: Mailbox<DeltaDiscoveryRequest>): Promise<void> {
  try {
    for await (const request of requests) into.put(request);
    into.close();
  } catch (e) {
    into.close(e);
  }
}
