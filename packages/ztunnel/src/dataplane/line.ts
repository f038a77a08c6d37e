// Questions and answers over a MessagePort, both ways: what lets one thread await another.
// Used by workers.ts and worker.ts; what is asked is their affair. Faults cross as data and come out as MeshError again.
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';

type Fault = { readonly code: string };
type Envelope<Asks> =
  | { readonly ask: number; readonly body: Asks }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly failed: Fault; readonly text: string };

/** A MessagePort, or a Worker as its parent sees it. */
interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (m: unknown) => void): unknown;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (why: unknown) => void;
}

/** `Out` is what this side may ask, `In` what it is asked. The other side is trusted: it is our own code. */
export class Line<Out, In> {
  readonly #port: Port;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #closed: unknown;

  constructor(port: Port, answer: (body: In) => unknown) {
    this.#port = port;
    port.on('message', (m) => void this.#received(m as Envelope<In>, answer));
  }

  /** Resolves with what the other side answers; rejects with its fault, or when the line is closed first. */
  async ask(body: Out): Promise<unknown> {
    if (this.#closed !== undefined) throw this.#closed;
    const id = this.#next++;
    this.#post({ ask: id, body });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    return promise;
  }

  /** Fails everything that still waits. The port itself is the caller's. */
  close(why: unknown): void {
    this.#closed ??= why;
    for (const w of this.#waiting.values()) w.reject(why);
    this.#waiting.clear();
  }

  async #received(m: Envelope<In>, answer: (body: In) => unknown): Promise<void> {
    if ('ask' in m) {
      try {
        this.#post({ answer: m.ask, value: await answer(m.body) });
      } catch (e) {
        const fault: Fault = e instanceof MeshError ? (e.fault as Fault) : { code: 'thread.failed' };
        this.#post({ answer: m.ask, failed: fault, text: describeError(e) });
      }
      return;
    }
    const waiting = this.#waiting.get(m.answer);
    this.#waiting.delete(m.answer);
    if ('failed' in m) waiting?.reject(new MeshError(m.failed, m.text));
    else waiting?.resolve(m.value);
  }

  #post(m: Envelope<Out>): void {
    this.#port.postMessage(m);
  }
}
