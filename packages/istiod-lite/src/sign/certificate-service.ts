// One certificate request from its arrival to its answer: who calls, which identity they may have, how long, signed.
// Behind the gRPC end in wire/ca; every refusal is counted and logged here, with the caller and the reason and without token or key.
import type { Grant } from '@ambient-mesh/identity/authority';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Authenticated, Credentials } from './authenticate.ts';
import { grantedIdentity, type Rules } from './impersonation.ts';
import type { SigningAuthority } from './signing-authority.ts';

export interface CertificateOrder extends Credentials {
  readonly csrPem: string;
  /** 0 or less asks for the default. */
  readonly ttlSeconds: number;
  /** SPIFFE URI of the workload that the certificate is for; empty for the caller itself. */
  readonly impersonated: string;
  /** Address of the caller, for the log. */
  readonly peer: string;
}

/** Names of outcomes as istiod's metrics have them. */
export type Outcome = 'SUCCESS' | 'UNAUTHENTICATED' | 'IMPERSONATION' | 'CSR_ERROR' | 'TTL_ERROR' | 'CA_NOT_READY';

export type Answer = { readonly chainPem: readonly string[] } | { readonly refused: { readonly status: number; readonly text: string } };

export interface CertificateReport {
  /** `detail` is the identity that was signed, or why not. */
  request(outcome: Outcome, peer: string, caller: string, detail: string): void;
}

export interface CertificateServiceOptions {
  readonly authenticate: (credentials: Credentials) => Promise<Authenticated>;
  readonly rules: Rules;
  readonly authority: SigningAuthority;
  /** Longest lifetime that may be asked for, seconds. */
  readonly maxTtlSeconds: number;
  readonly report: CertificateReport;
}

const status = { invalidArgument: 3, internal: 13, unauthenticated: 16 } as const;

export class CertificateService {
  readonly #options: CertificateServiceOptions;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
  }

  async sign(order: CertificateOrder): Promise<Answer> {
    const { authenticate, rules, report, maxTtlSeconds } = this.#options;
    const caller = await authenticate(order);
    const refuse = (outcome: Outcome, code: number, text: string, detail: string): Answer => {
      report.request(outcome, order.peer, 'identities' in caller ? nameOf(caller.identities) : 'unknown', detail);
      return { refused: { status: code, text } };
    };
    if ('refused' in caller) return refuse('UNAUTHENTICATED', status.unauthenticated, 'request authenticate failure', caller.refused);
    const granted = grantedIdentity(caller, order.impersonated, rules);
    if ('refused' in granted)
      return refuse('IMPERSONATION', status.unauthenticated, 'request impersonation authentication failure', granted.refused);
    if (!(order.ttlSeconds <= maxTtlSeconds)) {
      const text = `a lifetime of ${order.ttlSeconds} s is longer than the longest, ${maxTtlSeconds} s`;
      return refuse('TTL_ERROR', status.invalidArgument, text, text);
    }
    const grant = this.#options.authority.issue({
      csrPem: order.csrPem,
      identity: granted.identity,
      ttlSeconds: order.ttlSeconds,
      strict: true,
    });
    if ('refused' in grant) return this.#unsigned(grant, refuse);
    report.request('SUCCESS', order.peer, nameOf(caller.identities), granted.identity.uri);
    return { chainPem: grant.chainPem };
  }

  #unsigned(
    grant: Extract<Grant | { refused: 'no authority' }, { readonly refused: string }>,
    refuse: (outcome: Outcome, code: number, text: string, detail: string) => Answer,
  ): Answer {
    if (grant.refused === 'unreadable request') {
      const text = 'the certificate request cannot be used: not one well-formed request, a weak key, or a signature that does not fit';
      return refuse('CSR_ERROR', status.invalidArgument, text, text);
    }
    if (grant.refused === 'other names') {
      const text = 'the certificate request asks for another name than the one that is granted';
      return refuse('CSR_ERROR', status.invalidArgument, text, text);
    }
    return refuse('CA_NOT_READY', status.internal, 'the certificate authority is not ready', grant.refused);
  }
}

const nameOf = (identities: readonly SpiffeId[]): string => identities.map((id) => id.uri).join(', ');
