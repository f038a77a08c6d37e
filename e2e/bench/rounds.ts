// Runs one case over several paths: rounds of all paths in turn, so that what else the machine does meets everyone alike.
// Adds to each round what the path's proxies cost. What is done in a round is the case's business.
import { medians, type Reading, type Side } from './figures.ts';
import type { Plan } from './options.ts';
import { costOf } from './process-cost.ts';
import type { Path, Testbed } from './testbed.ts';
import type { Way } from './way.ts';

/** What a round moved, for which the proxies' CPU time is divided up. */
export type Moved = { readonly gigabytes: number } | { readonly requests: number };

export interface Round {
  readonly readings: readonly Reading[];
  readonly moved: Moved;
}

export type Measure<W extends Way = Path> = (way: W, seconds: number) => Promise<Round>;

export interface Rounds<W> {
  /** `switchTo`: before each round. */
  readonly bed: { readonly switchTo: (way: W) => Promise<void> };
  readonly plan: Plan;
  /** Stops between rounds. */
  readonly signal: AbortSignal;
}

export interface Stage extends Rounds<Path> {
  readonly bed: Testbed;
}

/** Medians per side. Throws as soon as any round fails. */
export async function inRounds<W extends Way>(
  { bed, plan, signal }: Rounds<W>,
  paths: readonly W[],
  measure: Measure<W>,
): Promise<Map<Side, readonly Reading[]>> {
  const taken = new Map<W, (readonly Reading[])[]>(paths.map((path) => [path, []]));
  const run = async (path: W, seconds: number): Promise<readonly Reading[]> => {
    signal.throwIfAborted();
    await bed.switchTo(path);
    return withCosts(path, () => measure(path, seconds)).catch((e: unknown) => {
      throw new Error(`${path.side}: ${e instanceof Error ? e.message : e}${saidBy(path)}`, { cause: e });
    });
  };
  if (plan.warmUpSeconds > 0) for (const path of paths) await run(path, plan.warmUpSeconds);
  for (let round = 0; round < plan.rounds; round++) for (const [path, readings] of taken) readings.push(await run(path, plan.seconds));
  return new Map(Array.from(taken, ([{ side }, rounds]) => [side, medians(rounds)]));
}

async function withCosts({ proxies }: Way, work: () => Promise<Round>): Promise<readonly Reading[]> {
  const before = proxies.map(({ child }) => costOf(child.pid));
  const { readings, moved } = await work();
  const costs = proxies.flatMap(({ role, child }, at) => {
    const after = costOf(child.pid);
    const cpu = after.cpuSeconds - (before[at]?.cpuSeconds ?? 0);
    return [cpuReading(role, cpu, moved), { metric: `RSS, ${role}`, unit: 'MB', value: after.rssMb }];
  });
  return [...readings, ...costs];
}

const cpuReading = (role: string, seconds: number, moved: Moved): Reading =>
  'gigabytes' in moved
    ? { metric: `CPU, ${role}`, unit: 's/GB', value: seconds / moved.gigabytes }
    : { metric: `CPU, ${role}`, unit: 'us/request', value: (seconds * 1e6) / moved.requests };

/** What may tell why a round failed. */
const saidBy = ({ proxies }: Way): string =>
  proxies.map(({ role, child }) => `\n${role} said: ${child.output.split('\n').slice(-5).join('\n')}`).join('');
