// One request at one plugin: what the plugin is shown, what it decides, and what that means for the request and its answer.
// Made by plugins.ts in the order of the chain; answers pass the plugins in reverse (filtered-response.ts).
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Answer } from '../../route/answer.ts';
import type { Draft } from '../../route/draft.ts';
import type { Beginning } from '../../route/peeked.ts';
import { changedRequest, changedResponse, pairsOfRequest, pairsOfResponse, sayableHeaders } from './heads.ts';
import type { Answered, Settled } from './instance.ts';
import type { LocalAnswer, Properties } from './messages.ts';
import type { Running } from './plugin.ts';

/** Octets of a request's body that a plugin is shown. */
const shownBytes = 1 << 20;
const failed: Answer = { status: 500, body: 'a plugin failed' };
const failedDetails = 'wasm_fail_stream';

export class PluginStream {
  readonly #draft: Draft;
  readonly #filter: WasmFilter;
  readonly #running: Running;
  readonly #id: number;
  /** It said all that it had to say, or can say nothing any more. */
  #silent = false;

  constructor(draft: Draft, filter: WasmFilter, running: Running) {
    this.#draft = draft;
    this.#filter = filter;
    this.#running = running;
    this.#id = running.instance.open();
  }

  /** The answer that ends the request, or undefined when it goes on, perhaps changed. */
  async request(properties: Properties): Promise<Answer | undefined> {
    const { instance, bodies } = this.#running;
    const { head, request, grpc } = this.#draft;
    const pairs = pairsOfRequest(head);
    const first = await instance.ask({ do: 'request', id: this.#id, headers: pairs, last: request.bodyless, properties });
    const waiting = waitOf(first);
    const body = bodies && !request.bodyless && head.upgrade === undefined;
    if (waiting === undefined || !body) {
      const said = this.#settle(await settled(first));
      // A stream of messages may be a dialogue: it is not held back until its end unless the plugin asks for that.
      return said !== undefined || !body || grpc || this.#silent ? said : this.#showBody(await this.#draft.peek(shownBytes));
    }
    const beginning = this.#draft.peek(shownBytes);
    const early = await Promise.race([waiting.then((verdict) => ({ verdict })), beginning]);
    if ('bytes' in early) return this.#showBody(early);
    const said = this.#settle(early.verdict);
    return said !== undefined || grpc || this.#silent ? said : this.#showBody(await beginning);
  }

  get wantsResponse(): boolean {
    return !this.#silent && this.#running.responses;
  }

  /** The head as it goes on, or an answer instead. */
  async response(head: ResponseHead, last: boolean, properties: Properties): Promise<ResponseHead | { readonly instead: Answer }> {
    if (!this.wantsResponse) return head;
    const asked = { do: 'response', id: this.#id, headers: pairsOfResponse(head), last, properties } as const;
    const verdict = await settled(await this.#running.instance.ask(asked));
    if (verdict === undefined) return this.#fail() === undefined ? head : { instead: failed };
    if ('local' in verdict) return { instead: this.#local(verdict.local) };
    if ('close' in verdict) return { instead: this.#closed() };
    return verdict.headers === undefined ? head : changedResponse(head, verdict.headers);
  }

  done(): void {
    this.#running.instance.done(this.#id);
  }

  async #showBody({ bytes, whole }: Beginning): Promise<Answer | undefined> {
    const answered = await this.#running.instance.ask({ do: 'body', id: this.#id, bytes: Uint8Array.from(bytes), last: whole });
    const waiting = waitOf(answered);
    if (waiting === undefined || whole) return this.#settle(await settled(answered));
    this.#draft.details = 'request_payload_too_large';
    return { status: 413, body: 'a plugin wants to see more of the body than it may' };
  }

  #settle(verdict: Settled | undefined): Answer | undefined {
    if (verdict === undefined) return this.#fail();
    if ('local' in verdict) return this.#local(verdict.local);
    if ('close' in verdict) return this.#closed();
    if (verdict.headers !== undefined) this.#draft.change(changedRequest(this.#draft.head, verdict.headers));
    return undefined;
  }

  #fail(): Answer | undefined {
    this.#silent = true;
    return this.#filter.failOpen ? undefined : refuse(this.#draft);
  }

  #local({ status, details, body, headers, grpcStatus }: LocalAnswer): Answer {
    this.#silent = true;
    if (status < 200 || status > 599) return refuse(this.#draft);
    this.#draft.details = details.replace(/[^\x20-\x7e]/g, '?') || 'wasm_local_response';
    const text = Buffer.from(body).toString('utf8');
    return { status, headers: sayableHeaders(headers), body: text, ...(grpcStatus !== undefined && { grpcStatus }) };
  }

  #closed(): Answer {
    this.#silent = true;
    this.#draft.details = 'wasm_close_stream';
    return { status: 503, body: 'a plugin ended the request' };
  }
}

/** For a request that may not go on without the plugin. */
export function refuse(draft: Draft): Answer {
  draft.details = failedDetails;
  return failed;
}

const waitOf = (answered: Answered): Promise<Settled | undefined> | undefined =>
  answered !== undefined && 'wait' in answered ? answered.wait : undefined;

async function settled(answered: Answered): Promise<Settled | undefined> {
  return answered !== undefined && 'wait' in answered ? answered.wait : answered;
}
