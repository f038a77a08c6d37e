// Readiness as tokens: the process is ready when nothing that it expects is missing, and can always say what is.
// The readiness page (a program's own) prints `missing`; parts may expect again later, which makes the process unready again.

export class Readiness {
  readonly #expected = new Map<string, number>();

  /** From now on `name` is missing, until the token is disposed of. The same name may be expected several times. */
  expect(name: string): Disposable {
    let held = true;
    this.#expected.set(name, (this.#expected.get(name) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#expected.get(name) ?? 1) - 1;
        if (left > 0) this.#expected.set(name, left);
        else this.#expected.delete(name);
      },
    };
  }

  /** Sorted, each name once; empty = ready. */
  get missing(): readonly string[] {
    return [...this.#expected.keys()].sort();
  }
}
