// A way that traffic may take while it is measured: whose it is, and which processes on it cost something.
// Extended by the beds, walked by rounds.ts. Types only.
import type { Side } from './figures.ts';

export interface Way {
  readonly side: Side;
  readonly proxies: readonly Metered[];
}

/** One process; a child of the lab's is one. */
export interface Metered {
  readonly role: string;
  readonly child: { readonly pid: number; readonly output: string };
}
