// The rules of a namespace as the kernel lists them, reduced to what a rule says: handles and counters differ between equal rules.
// Used to see what is there before it is replaced (apply-rules.ts), whether it still is what it should be (check-rules.ts, probe-set.ts), and by
// tests that hold it against golden listings.
import type { Netns } from './netns.ts';
import { runIn } from './run-in.ts';

/** By table, in the kernel's order. */
export type Listing = Readonly<Record<string, readonly object[]>>;

/** Of the tables of family `inet` with these names; absent ones are left out. Throws RunFault. */
export async function listRules(netns: Netns, tables: readonly string[], signal: AbortSignal): Promise<Listing> {
  const { nftables } = JSON.parse(await runIn(netns, ['nft', '--json', 'list', 'ruleset', 'inet'], signal)) as {
    nftables: readonly object[];
  };
  const listing: Record<string, object[]> = {};
  for (const entry of nftables) {
    const [kind = '', body] = Object.entries(entry)[0] ?? [];
    const { table, name } = body as { readonly table?: string; readonly name?: string };
    const owner = kind === 'table' ? name : table;
    if (owner === undefined || !tables.includes(owner)) continue;
    listing[owner] ??= [];
    listing[owner].push({ [kind]: bare(body) });
  }
  return listing;
}

const isListed = (key: string): boolean => key !== 'handle' && key !== 'packets' && key !== 'bytes';

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => isListed(key))
      .map(([key, each]) => [key, bare(each)]),
  );
}
