// A regular expression that takes time linear in the text, whatever the expression: a route's author and a client together cannot stall the
// waypoint. Pure. `matches` walks a table of states that grows as texts need it; `replace` follows all ways at once, with their groups.
// The syntax is pattern-syntax.ts's, the steps are pattern-program.ts's.
import { includes, word } from './pattern-classes.ts';
import { programOf, type Step } from './pattern-program.ts';
import { parsePattern, type Where } from './pattern-syntax.ts';

/** States and their transitions that are remembered; when there are more, all are forgotten. */
const mostStates = 200;
/** Characters that `replace` looks at for each of the text: finding where matches end takes two. */
const mostLooks = 8;

interface State {
  /** Steps that take a unit, in order of preference. */
  readonly threads: readonly number[];
  readonly next: (State | undefined)[];
}

export class Pattern {
  readonly #steps: readonly Step[];
  /** Whether a position matters beyond the text before it: then states are not enough. */
  readonly #looksAround: boolean;
  #states = new Map<string, State>();
  #start: State | undefined;

  /** Throws SyntaxError. */
  constructor(source: string) {
    this.#steps = programOf(parsePattern(source));
    this.#looksAround = this.#steps.some((step) => step.do === 'check');
  }

  /** Whether the whole text is one match. */
  matches(text: string): boolean {
    if (this.#looksAround) return this.#run(text, 0, true).marks !== undefined;
    this.#start ??= this.#stateOf(this.#reach(text, 0, [0]));
    let state = this.#start;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      state = (unit < 128 ? state.next[unit] : undefined) ?? this.#advance(state, unit);
      if (state.threads.length === 0) return false;
    }
    return state.threads.some((at) => this.#steps[at]?.do === 'match');
  }

  /** Every match from left to right, as long as it does not take looking at the text over and over; in `by`, `\0` to `\9` are the whole match and its groups, `\\` a backslash. */
  replace(text: string, by: string): string {
    let out = '';
    let kept = 0;
    let looks = mostLooks * (text.length + mostLooks);
    for (let at = 0; at <= text.length && looks > 0; ) {
      const { marks: found, until } = this.#run(text, at, false);
      if (found === undefined) break;
      looks -= until - at + 1;
      const [start = 0, end = 0] = found;
      out +=
        text.slice(kept, start) +
        by.replace(/\\([0-9\\])/g, (_, what: string) => (what === '\\' ? what : groupOf(text, found, Number(what))));
      kept = end;
      at = end > start ? end : end + 1;
    }
    return out + text.slice(kept);
  }

  #advance(state: State, unit: number): State {
    const taken = state.threads.filter((at) => this.#takes(at, unit)).map((at) => at + 1);
    const next = this.#stateOf(this.#reach('', 0, taken));
    if (unit < 128) state.next[unit] = next;
    return next;
  }

  #stateOf(threads: readonly number[]): State {
    const key = threads.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= mostStates) {
      this.#states = new Map();
      this.#start = undefined;
    }
    const made: State = { threads, next: [] };
    this.#states.set(key, made);
    return made;
  }

  #takes(at: number, unit: number): boolean {
    const step = this.#steps[at];
    return step?.do === 'take' && includes(step.ranges, unit);
  }

  /** Steps that take a unit (or match) and are reached from these without taking any. */
  #reach(text: string, at: number, from: readonly number[]): readonly number[] {
    const reached: number[] = [];
    const seen = new Set<number>();
    for (const each of from) this.#follow({ text, at, seen, add: (step) => void reached.push(step) }, each, []);
    return reached;
  }

  #follow(walk: Walk, from: number, marks: readonly number[]): void {
    const todo: (readonly [step: number, marks: readonly number[]])[] = [[from, marks]];
    for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
      const [at, held] = each;
      const step = this.#steps[at];
      if (step === undefined || walk.seen.has(at)) continue;
      walk.seen.add(at);
      if (step.do === 'take' || step.do === 'match') walk.add(at, held);
      else if (step.do === 'jump') todo.push([step.to, held]);
      else if (step.do === 'fork') todo.push([step.second, held], [step.first, held]);
      else if (step.do === 'mark') todo.push([at + 1, marked(held, step.slot, walk.at)]);
      else if (isAt(step.where, walk.text, walk.at)) todo.push([at + 1, held]);
    }
  }

  /** The leftmost match at or after `from`, preferred as Perl would: its ends, then those of its groups. `whole`: from there to the end of the text only. */
  #run(text: string, from: number, whole: boolean): { readonly marks: readonly number[] | undefined; readonly until: number } {
    let threads: (readonly [step: number, marks: readonly number[]])[] = [];
    let best: readonly number[] | undefined;
    for (let at = from; at <= text.length; at++) {
      const reached: typeof threads = [];
      const walk: Walk = { text, at, seen: new Set(), add: (step, marks) => void reached.push([step, marks]) };
      for (const [step, marks] of threads) this.#follow(walk, step, marks);
      if (best === undefined && (at === from || !whole)) this.#follow(walk, 0, [at]);
      if (reached.length === 0 && (best !== undefined || whole)) return { marks: best, until: at };
      threads = [];
      for (const [step, marks] of reached) {
        if (this.#steps[step]?.do === 'match') {
          if (whole && at < text.length) continue;
          best = marked(marks, 1, at);
          break;
        }
        if (at < text.length && this.#takes(step, text.charCodeAt(at))) threads.push([step + 1, marks]);
      }
    }
    return { marks: best, until: text.length };
  }
}

interface Walk {
  readonly text: string;
  readonly at: number;
  readonly seen: Set<number>;
  readonly add: (step: number, marks: readonly number[]) => void;
}

function marked(marks: readonly number[], slot: number, at: number): readonly number[] {
  const copy = [...marks];
  while (copy.length < slot) copy.push(-1);
  copy[slot] = at;
  return copy;
}

function groupOf(text: string, marks: readonly number[], group: number): string {
  const [start = -1, end = -1] = [marks[2 * group], marks[2 * group + 1]];
  return start < 0 || end < 0 ? '' : text.slice(start, end);
}

function isAt(where: Where, text: string, at: number): boolean {
  switch (where) {
    case 'start':
      return at === 0;
    case 'end':
      return at === text.length;
    case 'line-start':
      return at === 0 || text[at - 1] === '\n';
    case 'line-end':
      return at === text.length || text[at] === '\n';
    case 'word':
      return isWord(text, at - 1) !== isWord(text, at);
    case 'not-word':
      return isWord(text, at - 1) === isWord(text, at);
    default:
      return where satisfies never;
  }
}

const isWord = (text: string, at: number): boolean => at >= 0 && at < text.length && includes(word, text.charCodeAt(at));
