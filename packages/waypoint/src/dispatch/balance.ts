// Chooses one of several endpoints: least requests of two, round robin, at random, or by a hash that keeps a client where it was.
// Called by destination.ts for each attempt. Pure; chance and counters come in as arguments.
import type { Balance } from '@ambient-mesh/model/l7/destination';
import type { Endpoint } from './endpoint.ts';

export interface Draw {
  readonly by: Balance['by'];
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Grows by one with each choice. */
  readonly turn: number;
  /** Of the header, cookie, address or parameter; undefined where the request has none: then by least requests. */
  readonly hash: number | undefined;
  /** Default: the capacity that the workload has. */
  readonly weight?: (endpoint: Endpoint) => number;
}

/** Undefined of an empty list. */
export function choose(from: readonly Endpoint[], draw: Draw): Endpoint | undefined {
  const [only] = from;
  if (only === undefined || from.length === 1) return only;
  const { random, weight = capacityOf } = draw;
  switch (draw.by) {
    case 'round-robin':
      return from[draw.turn % from.length];
    case 'random':
      return weighted(from, weight, random);
    case 'hash':
      return draw.hash === undefined ? lessBusy(from, weight, random) : nearest(from, draw.hash);
    case 'least-request':
    case 'passthrough':
      return lessBusy(from, weight, random);
    default:
      return draw.by satisfies never;
  }
}

/** The less busy of two drawn at random, by weight: nearly as good as the least busy of all, and no scan (power of two choices). */
function lessBusy(from: readonly Endpoint[], weight: Weight, random: () => number): Endpoint | undefined {
  const a = weighted(from, weight, random);
  let b = weighted(from, weight, random);
  if (a === b) b = from[(from.indexOf(a as Endpoint) + 1) % from.length];
  if (a === undefined || b === undefined) return a;
  return b.active / weight(b) < a.active / weight(a) ? b : a;
}

function weighted(from: readonly Endpoint[], weight: Weight, random: () => number): Endpoint | undefined {
  const [head] = from;
  const first = head && weight(head);
  let total = 0;
  let even = true;
  for (const each of from) {
    const own = weight(each);
    total += own;
    even &&= own === first;
  }
  if (even) return from[Math.floor(random() * from.length)];
  let left = random() * total;
  for (const each of from) {
    left -= weight(each);
    if (left < 0) return each;
  }
  return from.at(-1);
}

type Weight = (endpoint: Endpoint) => number;
const capacityOf: Weight = ({ workload }) => workload.capacity;

/** Rendezvous hashing: when an endpoint goes, only its own clients move. */
function nearest(from: readonly Endpoint[], hash: number): Endpoint | undefined {
  let best: Endpoint | undefined;
  let highest = -1;
  for (const each of from) {
    const score = mix(hash, hashText(each.workload.uid));
    if (score > highest) [best, highest] = [each, score];
  }
  return best;
}

/** FNV-1a, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3, over both. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ (b >>> 1), 0x85ebca6b) ^ b;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
