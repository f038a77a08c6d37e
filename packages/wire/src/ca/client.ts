// Asks the control plane's certificate service to sign: one CSR in, a chain out.
// Used by the certificate book (identity/certificate-book) through its `sign` port; it makes the key and the CSR, and checks the answer.
// Connections are shared by calls that overlap and closed with the last of them: certificates are refreshed hours apart. The root is read
// for every call, and a changed one gets a new connection, so that no file needs watching.
import type { ClientHttp2Session } from 'node:http2';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { callOnce, statusCodeOf } from '../grpc/call.ts';
import { openConnection } from '../grpc/connection.ts';
import { grpcCode } from '../grpc/status.ts';
import type { GrpcTarget } from '../grpc/target.ts';
import { callHeaders, readRoot } from '../grpc/target.ts';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '../messages/generated/citadel_pb.js';

export interface SignRequest {
  /** PKCS#10, PEM. */
  readonly csrPem: string;
  readonly identity: SpiffeId;
  readonly ttlSeconds: number;
  /** Ask in the name of `identity`, as the tunnel of a node does for its pods; otherwise the token must be the identity's own. */
  readonly impersonate: boolean;
}

export interface SignedChain {
  /** As it came and unchecked (identity/credentials reads it): leaf first, root bundle last, PEM. */
  readonly chainPem: readonly string[];
}

export type CaFault =
  /** The service answered with this gRPC status: 7 and 16 mean that it does not trust us with this identity. */
  | { readonly code: 'ca.refused'; readonly status: number }
  | { readonly code: 'ca.unreachable' }
  | { readonly code: 'ca.timeout'; readonly afterMs: number }
  | { readonly code: 'ca.bad-answer' };

const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const timeout = ms(10_000);
/** A chain is a few KiB; root bundles of merged meshes stay well below. */
const limitBytes = 4 << 20;

/** A connection under construction or in use. */
interface Shared {
  readonly rootPem: string;
  readonly opening: Promise<ClientHttp2Session>;
  calls: number;
}

export class CaClient {
  readonly #target: GrpcTarget;
  readonly #clock: Clock;
  #shared: Shared | undefined;

  constructor(target: GrpcTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Takes at most 10 s. Throws a MeshError<CaFault>, or the signal's reason when aborted. */
  async sign(request: SignRequest, signal: AbortSignal): Promise<SignedChain> {
    const late = new AbortController();
    using _timer = this.#clock.after(timeout, () => late.abort());
    try {
      const answer = await this.#call(encode(request), AbortSignal.any([signal, late.signal]));
      return { chainPem: fromBinary(IstioCertificateResponseSchema, answer).certChain };
    } catch (e) {
      signal.throwIfAborted();
      throw late.signal.aborted
        ? fault({ code: 'ca.timeout', afterMs: timeout }, `no answer in ${timeout} ms`, request, e)
        : translate(e, request);
    }
  }

  async #call(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const shared = this.#join(await readRoot(this.#target.root));
    try {
      const [session, headers] = await unlessAborted(Promise.all([shared.opening, callHeaders(this.#target)]), signal);
      return await callOnce(session, { path, headers: { ...headers, 'grpc-timeout': `${timeout}m` }, limitBytes }, message, signal);
    } catch (e) {
      // The next call starts anew, whatever it was.
      if (this.#shared === shared) this.#shared = undefined;
      throw e;
    } finally {
      this.#leave(shared);
    }
  }

  /** The connection in use if it still serves, a new one otherwise. Its opening has limits of its own and outlives the call that began it. */
  #join(rootPem: string): Shared {
    const current = this.#shared;
    const shared = current?.rootPem === rootPem ? current : this.#open(rootPem);
    this.#shared = shared;
    shared.calls++;
    return shared;
  }

  #open(rootPem: string): Shared {
    const opening = openConnection(this.#target, rootPem, this.#clock, new AbortController().signal);
    const shared: Shared = { rootPem, opening, calls: 0 };
    const forget = (): void => {
      if (this.#shared === shared) this.#shared = undefined;
    };
    opening.then((session) => session.once('close', forget).once('goaway', forget), forget);
    return shared;
  }

  #leave(shared: Shared): void {
    if (--shared.calls > 0) return;
    if (this.#shared === shared) this.#shared = undefined;
    shared.opening.then(
      (session) => session.destroy(),
      () => {},
    );
  }
}

function encode({ csrPem, identity, ttlSeconds, impersonate }: SignRequest): Uint8Array {
  const message = create(IstioCertificateRequestSchema, {
    csr: csrPem,
    validityDuration: BigInt(Math.floor(ttlSeconds)),
    ...(impersonate && { metadata: { ImpersonatedIdentity: identity.uri } }),
  });
  return toBinary(IstioCertificateRequestSchema, message);
}

/** What went wrong below, as one of our own faults with the identity named. */
function translate(e: unknown, request: SignRequest): MeshError<CaFault> {
  const status = statusCodeOf(e);
  if (status === grpcCode.unknown || status === grpcCode.unavailable) return fault({ code: 'ca.unreachable' }, 'no answer', request, e);
  if (status !== undefined) return fault({ code: 'ca.refused', status }, 'refused', request, e);
  if (e instanceof MeshError) return fault({ code: 'ca.unreachable' }, 'not reached', request, e);
  return fault({ code: 'ca.bad-answer' }, 'an answer that cannot be used', request, e);
}

function fault(fault: CaFault, what: string, { identity }: SignRequest, cause: unknown): MeshError<CaFault> {
  return new MeshError(fault, `certificate service, for ${identity.uri}: ${what}`, cause);
}
