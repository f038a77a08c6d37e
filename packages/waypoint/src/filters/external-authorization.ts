// Asks the service behind a CUSTOM policy whether a request may go on, and turns its answer, or its silence, into a decision.
// Called per request for each provider that model/l7/authorize-request names. How services are asked is in external-grpc.ts and external-http.ts.
import type { HeaderEdit } from '@ambient-mesh/model/l7/route';
import type { Provider } from '@ambient-mesh/model/l7/settings';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { CheckAnswer, HeaderChange } from '@ambient-mesh/wire/external/check';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import type { Call } from './call.ts';
import { askByGrpc } from './external-grpc.ts';
import { askByHttp } from './external-http.ts';
import { changedHeaders, isSayable } from './header-changes.ts';
import type { Question } from './question.ts';

export type Decision =
  | {
      readonly allow: true;
      readonly request: HeaderEdit;
      /** For the response on its way back: header-changes.ts. */
      readonly response: readonly HeaderChange[];
      /** Nobody consented: the service failed, and the settings let requests pass then. */
      readonly failed?: string;
    }
  | {
      readonly allow: false;
      readonly status: number;
      readonly headers: HeaderList;
      readonly body: string;
      /** For the access log. */
      readonly details: 'ext_authz_denied' | 'ext_authz_error' | 'ext_authz_body_too_large';
      /** Why there is no answer. */
      readonly failed?: string;
    };

type ExternalProvider = Extract<Provider, { readonly kind: 'ext-authz-http' | 'ext-authz-grpc' }>;

export class ExternalAuthorizer {
  readonly #provider: ExternalProvider;
  readonly #call: Call;
  readonly #clock: Clock;

  constructor(provider: ExternalProvider, call: Call, clock: Clock) {
    this.#provider = provider;
    this.#call = call;
    this.#clock = clock;
  }

  /** Octets of the body that are to be gathered before asking; 0: none. */
  get bodyBytes(): number {
    return this.#provider.includeBodyBytes;
  }

  /** Rejects only when `signal` aborts. */
  async decide(question: Question, signal: AbortSignal): Promise<Decision> {
    const settings = this.#provider;
    if (question.body?.whole === false && !settings.allowPartialBody)
      return { allow: false, status: 413, headers: [], body: '', details: 'ext_authz_body_too_large' };
    try {
      const asking = { settings, question, signal };
      const byGrpc = settings.kind === 'ext-authz-grpc';
      return decisionOf(await (byGrpc ? askByGrpc(this.#call, asking, this.#clock.now()) : askByHttp(this.#call, asking)));
    } catch (e) {
      signal.throwIfAborted();
      const failed = describeError(e);
      if (settings.failOpen) return { allow: true, request: { set: [], add: [], remove: [] }, response: [], failed };
      return { allow: false, status: settings.statusOnError, headers: [], body: '', details: 'ext_authz_error', failed };
    }
  }
}

function decisionOf(answer: CheckAnswer): Decision {
  if (!answer.allow) {
    const { status = 403, headers, body } = answer;
    const possible = Number.isInteger(status) && status >= 200 && status <= 599;
    return {
      allow: false,
      status: possible ? status : 403,
      headers: changedHeaders([], sayable(headers)),
      body,
      details: 'ext_authz_denied',
    };
  }
  const changes = sayable(answer.request);
  const pairs = (how: HeaderChange[2]) => changes.filter((change) => change[2] === how).map(([name, value]) => [name, value] as const);
  const remove = answer.removed.map((name) => name.toLowerCase()).filter((name) => isSayable(name, ''));
  return { allow: true, request: { set: pairs('set'), add: pairs('add'), remove }, response: sayable(answer.response) };
}

const sayable = (changes: readonly HeaderChange[]): readonly HeaderChange[] =>
  changes.map(([name, value, how]): HeaderChange => [name.toLowerCase(), value, how]).filter(([name, value]) => isSayable(name, value));
