// How many data threads to run: the rule of Istio's ztunnel (facts: ztunnel §11.1), from CPU counts and Kubernetes quantities. Pure.
// Called by config.ts.

export interface CpuFacts {
  /** CPUs of the machine. */
  readonly cpus: number;
  /** ZTUNNEL_WORKER_THREADS, as typed. */
  readonly wanted?: string | undefined;
  /** ZTUNNEL_CPU_LIMIT: replaces `cpus` where a share of them is taken. */
  readonly cpuLimit?: number | undefined;
  /** ZTUNNEL_RESOURCE_CPU_LIMIT and _REQUEST, whole CPUs. */
  readonly resourceLimit?: number | undefined;
  readonly resourceRequest?: number | undefined;
  /** `concurrency` of the proxy configuration; 0 means all CPUs. */
  readonly concurrency?: number | undefined;
}

/** At least 1. A string is the mistake in ZTUNNEL_WORKER_THREADS. */
export function workerThreads(f: CpuFacts): number | string {
  const cpus = f.cpuLimit ?? f.cpus;
  if (f.wanted !== undefined) return wantedThreads(f.wanted, cpus);
  if (f.concurrency !== undefined) return f.concurrency > 0 ? f.concurrency : cpus;
  if (f.resourceLimit !== undefined) return Math.max(f.resourceLimit, f.resourceRequest ?? 0, 1);
  return Math.max(Math.ceil(cpus * 0.25), f.resourceRequest ?? 0, 2);
}

function wantedThreads(wanted: string, cpus: number): number | string {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(wanted)?.[1];
  if (share !== undefined) {
    const percent = Number(share);
    if (percent <= 0 || percent > 100) return `"${wanted}" is not a share between 0% and 100%`;
    return Math.max(1, Math.ceil((cpus * percent) / 100));
  }
  if (!/^\d+$/.test(wanted)) return `"${wanted}" is neither a number of threads nor a share such as 25%`;
  const n = Number(wanted);
  if (n > 1024) return `${wanted} threads are more than 1024`;
  return n === 0 ? cpus : n;
}

/** A Kubernetes CPU quantity (`2`, `1.5`, `500m`) in whole CPUs, rounded up. */
export function parseCpuQuantity(text: string): number | undefined {
  const milli = /^(\d+)m$/.exec(text)?.[1];
  if (milli !== undefined) return Math.ceil(Number(milli) / 1000);
  return /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text)) : undefined;
}
