// The rules of a namespace as the kernel lists them, reduced to what a rule says: handles and counters differ between equal rules.
// Used to see what is there before it is replaced (apply-rules.ts), whether it still is what it should be (check-rules.ts, probe-set.ts), and by
// tests that hold it against golden listings.
import { isFault } from '@ambient-mesh/runtime/errors';
import type { Netns } from './netns.ts';
import { type RunFault, runIn } from './run-in.ts';

/** By table: itself, its sets and chains, each by name, and the rules of one chain after the other, each chain's in the kernel's order. */
export type Listing = Readonly<Record<string, readonly object[]>>;

/** Of the tables of family `inet` with these names; absent ones are left out. Throws RunFault. */
export async function listRules(netns: Netns, tables: readonly string[], signal: AbortSignal): Promise<Listing> {
  // Ours alone are asked for: a pod may have ten thousand tables of its own.
  const entries = await readEach(netns, tables, signal);
  const listing: Record<string, object[]> = {};
  for (const entry of entries) {
    const [kind = '', body] = Object.entries(entry)[0] ?? [];
    const { table, name } = body as { readonly table?: string; readonly name?: string };
    const owner = kind === 'table' ? name : table;
    if (owner === undefined || !tables.includes(owner)) continue;
    listing[owner] ??= [];
    listing[owner].push({ [kind]: bare(body) });
  }
  // The kernel lists chains as they were made, which is no difference.
  for (const each of Object.values(listing)) each.sort((a, b) => Number(placeOf(a) > placeOf(b)) - Number(placeOf(a) < placeOf(b)));
  return listing;
}

async function read(netns: Netns, what: string, signal: AbortSignal): Promise<readonly object[]> {
  return JSON.parse(await runIn(netns, ['nft', '--json', 'list', ...what.split(' ')], signal)).nftables;
}

/** One after the other, so that a table of somebody else that this nft cannot list hides none. One of ours that it cannot, as 1.0.6 one that is dormant, is `unreadable`, like no other. */
async function readEach(netns: Netns, tables: readonly string[], signal: AbortSignal): Promise<object[]> {
  const each = tables.map(async (table) => {
    try {
      return await read(netns, `table inet ${table}`, signal);
    } catch (e) {
      if (e instanceof SyntaxError) return [{ unreadable: { table } }];
      if (isFault(e, 'host.run') && (e.fault as RunFault).said.includes('No such file or directory')) return [];
      throw e;
    }
  });
  return (await Promise.all(each)).flat();
}

const kinds = ['table', 'set', 'chain', 'rule'];

function placeOf(entry: object): string {
  const [kind = '', body] = Object.entries(entry)[0] ?? [];
  const { name, chain } = body as { readonly name?: string; readonly chain?: string };
  return `${kinds.indexOf(kind)} ${chain ?? name ?? ''}`;
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
