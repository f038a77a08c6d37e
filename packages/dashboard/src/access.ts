// Who may see what of the graph, as a port: programs ask the Kubernetes API in their own way, and serve.ts believes them.
// Here is what they share: answers about namespaces, kept for a minute.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface Viewer {
  /** As the API server knows them. */
  readonly name: string;
  /** Of these namespaces those that they may get. */
  readonly sees: (namespaces: Iterable<string>) => Promise<ReadonlySet<string>>;
}

/** Whose a credential is. `refused`: a sentence. Rejects when nobody could be asked. */
export type Admit = (credential: string) => Promise<Viewer | { readonly refused: string }>;

const keptFor = ms(60_000);
const mostKept = 20_000;
const mostAtOnce = 16;

/** Answers by question, each asked at most once a minute; failures are not kept. */
export class Verdicts<T> {
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly at: Ms; readonly answer: Promise<T> }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  answer(question: string, ask: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    const known = this.#kept.get(question);
    if (known !== undefined && now - known.at < keptFor) return known.answer;
    this.#kept.delete(question);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= mostKept) this.#kept.delete(oldest);
    const answer = ask();
    const entry = { at: now, answer };
    this.#kept.set(question, entry);
    answer.catch(() => {
      if (this.#kept.get(question) === entry) this.#kept.delete(question);
    });
    return answer;
  }
}

/** Those that `mayGet` says yes to, a few asked at once. */
export async function seenOf(namespaces: Iterable<string>, mayGet: (namespace: string) => Promise<boolean>): Promise<ReadonlySet<string>> {
  const left = [...new Set(namespaces)].filter((each) => each !== '');
  const seen = new Set<string>();
  const work = async (): Promise<void> => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) if (await mayGet(each)) seen.add(each);
  };
  await Promise.all(Array.from({ length: mostAtOnce }, work));
  return seen;
}
