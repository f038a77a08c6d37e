// The plugins that have seen one request, in order: they are shown its answer in reverse, and told when all is over.
// Made by plugins.ts at the first of them, put into the draft's scope; the request's answer goes through here from then on.
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Answer } from '../../route/answer.ts';
import type { Draft } from '../../route/draft.ts';
import { FilteredResponse, type Shown } from './filtered-response.ts';
import type { Properties } from './messages.ts';
import type { Running } from './plugin.ts';
import { PluginStream } from './plugin-stream.ts';
import { requestProperties } from './request-properties.ts';

export class RequestPlugins implements Disposable {
  readonly #draft: Draft;
  readonly #began: bigint;
  readonly #streams: PluginStream[] = [];
  #showing: Promise<Shown> | undefined;

  constructor(draft: Draft, clock: Clock) {
    this.#draft = draft;
    this.#began = BigInt(Math.round(clock.now() * 1_000)) * 1_000n;
    draft.request = new FilteredResponse(draft.request, (head, last) => {
      if (!this.#streams.some((stream) => stream.wantsResponse)) return undefined;
      this.#showing = this.#show(head, last);
      return this.#showing;
    });
  }

  ask(filter: WasmFilter, running: Running): Promise<Answer | undefined> {
    const stream = new PluginStream(this.#draft, filter, running);
    this.#streams.push(stream);
    return stream.request(this.#properties());
  }

  [Symbol.dispose](): void {
    void Promise.resolve(this.#showing).then(() => {
      for (const stream of this.#streams) stream.done();
    });
  }

  async #show(head: ResponseHead, last: boolean): Promise<Shown> {
    let shown = head;
    for (const stream of this.#streams.toReversed()) {
      const response = { code: shown.status, flags: 0 };
      const said = await stream.response(shown, last, { ...this.#properties(), response });
      if ('instead' in said) {
        this.#draft.instead = said.instead;
        return said;
      }
      shown = said;
    }
    return shown;
  }

  #properties(): Properties {
    return { ...requestProperties(this.#draft, this.#began), route_name: this.#draft.route };
  }
}
