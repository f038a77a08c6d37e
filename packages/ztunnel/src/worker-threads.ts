// How many data threads to run: the rule of Istio's ztunnel (facts: ztunnel §11.1), from CPU counts and Kubernetes quantities. Pure.
// Called by config.ts.

/** ZTUNNEL_WORKER_THREADS: so many threads (0: one per CPU), or a share of the CPUs in percent. */
export type WantedThreads = { readonly threads: number } | { readonly percent: number };

export interface CpuFacts {
  /** CPUs of the machine. */
  readonly cpus: number;
  readonly wanted?: WantedThreads | undefined;
  /** ZTUNNEL_CPU_LIMIT: replaces `cpus` where a share of them is taken. */
  readonly cpuLimit?: number | undefined;
  /** ZTUNNEL_RESOURCE_CPU_LIMIT and _REQUEST, whole CPUs. */
  readonly resourceLimit?: number | undefined;
  readonly resourceRequest?: number | undefined;
  /** `concurrency` of the proxy configuration; 0 means all CPUs. */
  readonly concurrency?: number | undefined;
}

/** More would be a slip of the pen: each thread holds listeners in every pod. */
const mostThreads = 1024;

/** From 1 to 1024. */
export function workerThreads(facts: CpuFacts): number {
  return Math.min(Math.max(1, threadsBefore(facts)), mostThreads);
}

function threadsBefore({ wanted, concurrency, resourceLimit, resourceRequest = 0, ...machine }: CpuFacts): number {
  const cpus = machine.cpuLimit ?? machine.cpus;
  if (wanted !== undefined) return 'percent' in wanted ? Math.ceil((cpus * wanted.percent) / 100) : wanted.threads || cpus;
  if (concurrency !== undefined) return concurrency || cpus;
  if (resourceLimit !== undefined) return Math.max(resourceLimit, resourceRequest);
  return Math.max(Math.ceil(cpus * 0.25), resourceRequest, 2);
}

export function parseWantedThreads(text: string): WantedThreads | undefined {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (share !== undefined) {
    const percent = Number(share);
    return percent > 0 && percent <= 100 ? { percent } : undefined;
  }
  const threads = Number(text);
  return /^\d+$/.test(text) && threads <= mostThreads ? { threads } : undefined;
}

/** A Kubernetes CPU quantity (`2`, `1.5`, `500m`) in whole CPUs, rounded up. */
export function parseCpuQuantity(text: string): number | undefined {
  const milli = /^(\d+)m$/.exec(text)?.[1];
  if (milli !== undefined) return Math.ceil(Number(milli) / 1000);
  return /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text)) : undefined;
}
