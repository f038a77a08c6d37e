// What is worth interrupting somebody for: denials that were not there at the last look. Pure.
// main.ts puts the sentence into the page's live region.
import type { Graph } from '../../src/graph.ts';
import { titleOf } from './words.ts';

/** More than this many edges are counted, not read out. */
const told = 3;

/** Empty: nothing new. The first graph is no news: the summary tells what it holds. */
export function newDenials(before: Graph | undefined, now: Graph): string {
  if (before === undefined) return '';
  const seen = new Map(before.edges.map((edge) => [edge.id, edge.denials]));
  const fresh = now.edges.filter((edge) => edge.denials > (seen.get(edge.id) ?? 0));
  const sentences = fresh.slice(0, told).map((edge) => {
    const [by] = edge.deniedBy;
    return `Denied: ${titleOf(edge)}${by === undefined ? '' : `, ${by}`}.`;
  });
  if (fresh.length > told) sentences.push(`And ${fresh.length - told} more.`);
  return sentences.join(' ');
}
