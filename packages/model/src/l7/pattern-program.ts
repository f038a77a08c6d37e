// Makes the steps of a regular expression from its tree, as Thompson did: each takes one unit, or forks, or checks where it is. Pure.
// Used by pattern.ts, which follows them.
import type { Range } from './pattern-classes.ts';
import type { Node, Where } from './pattern-syntax.ts';

export type Step =
  | { readonly do: 'take'; readonly ranges: readonly Range[] }
  | { readonly do: 'fork'; first: number; second: number }
  | { readonly do: 'jump'; to: number }
  | { readonly do: 'check'; readonly where: Where }
  | { readonly do: 'mark'; readonly slot: number }
  | { readonly do: 'match' };

/** Steps of one expression, each of which may cost time at each character: `(x{1000}){1000}` is refused. */
const mostSteps = 2_000;

/** Throws SyntaxError when there would be too many. */
export function programOf(node: Node): readonly Step[] {
  const steps: Step[] = [];
  emit(node, steps);
  steps.push({ do: 'match' });
  return steps;
}

function emit(node: Node, steps: Step[]): void {
  if (steps.length > mostSteps) throw new SyntaxError('regular expression is too large');
  switch (node.is) {
    case 'empty':
      return;
    case 'set':
      steps.push({ do: 'take', ranges: node.ranges });
      return;
    case 'at':
      steps.push({ do: 'check', where: node.where });
      return;
    case 'all':
      for (const each of node.nodes) emit(each, steps);
      return;
    case 'group':
      steps.push({ do: 'mark', slot: 2 * node.index });
      emit(node.node, steps);
      steps.push({ do: 'mark', slot: 2 * node.index + 1 });
      return;
    case 'either':
      emitEither(node.nodes, steps);
      return;
    case 'repeat':
      emitRepeat(node, steps);
      return;
    default:
      node satisfies never;
  }
}

function emitEither(nodes: readonly Node[], steps: Step[]): void {
  const ends: { to: number }[] = [];
  for (const [at, node] of nodes.entries()) {
    if (at === nodes.length - 1) {
      emit(node, steps);
      continue;
    }
    const fork = { do: 'fork' as const, first: steps.length + 1, second: 0 };
    steps.push(fork);
    emit(node, steps);
    const end = { do: 'jump' as const, to: 0 };
    steps.push(end);
    ends.push(end);
    fork.second = steps.length;
  }
  for (const end of ends) end.to = steps.length;
}

function emitRepeat({ node, min, max, greedy }: Extract<Node, { readonly is: 'repeat' }>, steps: Step[]): void {
  for (let times = 0; times < min; times++) {
    const before = steps.length;
    emit(node, steps);
    // Nothing, however often: `(?:){1000}` inside others would take for ever.
    if (steps.length === before) return;
  }
  const forks: { first: number; second: number }[] = [];
  const fork = (): void => {
    const made = { do: 'fork' as const, first: steps.length + 1, second: steps.length + 1 };
    steps.push(made);
    forks.push(made);
  };
  if (max === Number.POSITIVE_INFINITY) {
    const again = steps.length;
    fork();
    emit(node, steps);
    steps.push({ do: 'jump', to: again });
  } else {
    for (let times = min; times < max; times++) {
      fork();
      emit(node, steps);
    }
  }
  for (const made of forks) made[greedy ? 'second' : 'first'] = steps.length;
}
