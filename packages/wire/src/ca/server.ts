// The server's end of the certificate service: one message each way (facts: control-plane §7.1).
// Used by istiod-lite, whose port decides who gets what; here is only the protocol, and how many may be under way.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Method } from '../grpc/server.ts';
import type { Peer, ServerCall } from '../grpc/server-call.ts';
import { grpcCode } from '../grpc/status.ts';
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '../messages/generated/citadel_pb.js';

export const certificatePath = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

export interface SigningRequest {
  readonly csrPem: string;
  readonly ttlSeconds: number;
  /** SPIFFE URI; empty when the caller asks for itself. */
  readonly impersonated: string;
  readonly peer: Peer;
  /** The authorization header; empty when there is none. */
  readonly authorization: string;
  /** The clusterid header. */
  readonly clusterId: string;
}

export type SigningAnswer =
  | { readonly chainPem: readonly string[] }
  | { readonly refused: { readonly status: number; readonly text: string } };

/** A request with an RSA-4096 key is under 4 KiB. */
const limitBytes = 64 << 10;
const mostUnderWay = 500;

/** For a GrpcServer, under `certificatePath`. `sign` must not reject for anything that a caller can bring about. */
export function certificateMethod(sign: (request: SigningRequest) => Promise<SigningAnswer>): Method {
  let underWay = 0;
  return {
    limitBytes,
    handle: async (call) => {
      if (underWay >= mostUnderWay) return call.end(grpcCode.unavailable, 'too many requests for certificates at once');
      underWay += 1;
      try {
        await answer(call, sign);
      } finally {
        underWay -= 1;
      }
    },
  };
}

async function answer(call: ServerCall, sign: (request: SigningRequest) => Promise<SigningAnswer>): Promise<void> {
  const request = await onlyMessage(call);
  if (request === undefined) return call.end(3, 'not one IstioCertificateRequest');
  const impersonated = request.metadata?.ImpersonatedIdentity;
  const answered = await sign({
    csrPem: request.csr,
    ttlSeconds: Number(request.validityDuration),
    impersonated: typeof impersonated === 'string' ? impersonated : '',
    peer: call.peer,
    authorization: call.header('authorization'),
    clusterId: call.header('clusterid'),
  });
  if ('refused' in answered) return call.end(answered.refused.status, answered.refused.text);
  call.send(toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain: [...answered.chainPem] })));
  call.end(grpcCode.ok);
}

async function onlyMessage(call: ServerCall): Promise<IstioCertificateRequest | undefined> {
  const messages: Buffer[] = [];
  for await (const message of call.messages()) if (messages.push(message) > 1) return undefined;
  const [only] = messages;
  try {
    return only && fromBinary(IstioCertificateRequestSchema, only);
  } catch {
    return undefined;
  }
}
