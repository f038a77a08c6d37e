// What an external authorization service is told of a request, however it is asked. Plain data.
// Filled in by the waypoint, given to external-authorization.ts, written down by external-grpc.ts and external-http.ts.
import type { SocketAddress } from '@ambient-mesh/model/address';
import type { ExternalAuthorization } from '@ambient-mesh/model/l7/settings';
import type { HeaderChange } from '@ambient-mesh/wire/external/check';
import type { HeaderList } from '@ambient-mesh/wire/http/message';

export interface Question {
  readonly connection: {
    readonly source: SocketAddress;
    readonly destination: SocketAddress;
    /** The client's, `spiffe://…`; absent in clear text. */
    readonly principal?: string;
    /** The waypoint's, `spiffe://…`. */
    readonly ownPrincipal: string;
    readonly sni: string;
  };
  /** Absent for a connection that is not HTTP; only gRPC services can be asked about it. */
  readonly request?: {
    /** `x-request-id`. */
    readonly id: string;
    readonly method: string;
    readonly scheme: string;
    readonly host: string;
    readonly path: string;
    readonly protocol: string;
    readonly headers: HeaderList;
  };
  /** The beginning of the body, `bodyBytes` octets at most; only if that is not 0. `whole`: there is no more. */
  readonly body?: { readonly bytes: Uint8Array; readonly whole: boolean };
}

/** What the two ways to ask share. */
export interface Asking {
  readonly settings: ExternalAuthorization;
  readonly question: Question;
  readonly signal: AbortSignal;
}

/** Tells the service whether the body that it sees is all of it; clients cannot. */
export const partialBody = (body: Question['body']): readonly HeaderChange[] =>
  body === undefined ? [] : [['x-envoy-auth-partial-body', String(!body.whole), 'set']];
