// One request as a plugin's thread holds it: the headers it may change, what it has decided. The plugin's own context, of no request, is one too.
// Made by guest.ts; read and changed by the host functions.
import type { LocalAnswer, Pairs, Properties, Stage, Verdict } from './messages.ts';
import { maps } from './status.ts';
import { BoundedStore } from './store.ts';

export class GuestContext {
  readonly id: number;
  /** By the numbers of `status.maps`; only those that there are. */
  readonly maps = new Map<number, Pairs>();
  /** Set by the plugin; by path. */
  readonly own = new BoundedStore(65_536);
  properties: Properties;
  body: Uint8Array = new Uint8Array();
  /** What is being decided: in a callback, or while the plugin makes it wait. */
  stage: Stage | undefined;
  waiting = false;
  changed = false;
  resumed = false;
  closed = false;
  local: LocalAnswer | undefined;
  /** `proxy_on_done` said that it is not done yet. */
  lingering = false;

  constructor(id: number, properties: Properties) {
    this.id = id;
    this.properties = properties;
  }

  begin(stage: Stage, headers: Pairs): void {
    this.maps.set(stage === 'request' ? maps.requestHeaders : maps.responseHeaders, headers);
    this.stage = stage;
    this.waiting = false;
    this.changed = false;
    this.resumed = false;
  }

  /** After a callback that answered `action`: 1 means wait. */
  decide(action: number): Verdict {
    const verdict = this.#decided() ?? (action === 1 && !this.resumed ? 'wait' : this.#go());
    this.waiting = verdict === 'wait';
    this.resumed = false;
    if (!this.waiting) this.stage = undefined;
    return verdict;
  }

  /** What became of a request that waits, in a callback about something else; undefined: it still waits. */
  decideLater(): Exclude<Verdict, 'wait'> | undefined {
    if (!this.waiting) return undefined;
    const verdict = this.#decided() ?? (this.resumed ? this.#go() : undefined);
    if (verdict === undefined) return undefined;
    this.waiting = false;
    this.resumed = false;
    this.stage = undefined;
    return verdict;
  }

  #decided(): Exclude<Verdict, 'wait'> | undefined {
    if (this.local !== undefined) return { local: this.local };
    return this.closed ? { close: true } : undefined;
  }

  #go(): Exclude<Verdict, 'wait'> {
    const headers = this.maps.get(this.stage === 'response' ? maps.responseHeaders : maps.requestHeaders);
    return this.changed && headers !== undefined ? { go: true, headers } : { go: true };
  }
}
