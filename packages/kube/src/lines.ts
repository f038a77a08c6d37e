// Cuts a stream of bytes into lines, in time linear in their length, however they arrive.
// Used by watch.ts. Holds one unfinished line, of bounded length.
import { tooLarge } from './errors.ts';

export class LineSplitter {
  readonly #what: string;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #held = 0;

  /** `what` is for the error's text. */
  constructor(what: string, maxBytes: number) {
    this.#what = what;
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the unfinished line. */
  get held(): number {
    return this.#held;
  }

  /** Each line that is complete by now, without its end. @throws MeshError `kube.too-large` */
  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, end));
      from = end + 1;
      yield this.#take();
    }
    this.#hold(chunk.subarray(from));
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#held += bytes.length;
    if (this.#held > this.#maxBytes) throw tooLarge(this.#what, this.#maxBytes);
  }

  #take(): string {
    const [first, ...more] = this.#parts;
    this.#parts = [];
    this.#held = 0;
    if (first === undefined) return '';
    return (more.length === 0 ? first : Buffer.concat([first, ...more])).toString('utf8');
  }
}
