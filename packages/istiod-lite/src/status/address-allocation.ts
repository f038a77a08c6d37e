// Writes the addresses that hosts of ServiceEntries get into the entries' status. Run by the leader (facts: control-plane §3.11).
// Who gets which is translate's decision, made anew over all entries after each change; only what differs is written.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Store } from '@ambient-mesh/kube/store';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { type Allocation, allocate } from '@ambient-mesh/translate/address-allocation';
import { type ServiceEntry, serviceEntryKind } from '@ambient-mesh/translate/kinds/entries';
import { inRevision } from '@ambient-mesh/translate/revision';
import { WorkQueue } from './work-queue.ts';

const manager = 'istio-ip-autoallocate';

export interface AllocationOptions {
  readonly client: KubeClient;
  readonly entries: Store<ServiceEntry>;
  readonly revision: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly failed: (entry: string, why: unknown) => void;
}

/** Changes within this time are decided together. */
const gather = ms(50);

/** Runs until the signal aborts. */
export async function keepAllocations(options: AllocationOptions, signal: AbortSignal): Promise<void> {
  const { client, entries, revision, clock, random, failed } = options;
  let wanted: ReadonlyMap<string, readonly Allocation[]> = new Map();
  const queue = new WorkQueue(
    {
      work: async (key) => {
        const entry = entries.get(key);
        const addresses = wanted.get(key);
        if (entry === undefined || addresses === undefined) return;
        const { namespace, name } = entry.meta;
        await client
          .apply(serviceEntryKind, { namespace, name }, { status: { addresses } }, { manager, subresource: 'status', signal })
          .catch((e: unknown) => {
            if (statusOf(e) !== 404) throw e;
          });
      },
      clock,
      random,
      failed,
    },
    signal,
  );
  let timer: Disposable | undefined;
  const look = (): void => {
    timer = undefined;
    wanted = allocate([...entries.values()].filter(({ meta }) => inRevision(meta, revision)));
    for (const key of wanted.keys()) queue.add(key);
  };
  using _changes = entries.onChange(() => {
    timer ??= clock.after(gather, look);
  });
  await entries.synced;
  look();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  timer?.[Symbol.dispose]();
  await queue.idle();
}
