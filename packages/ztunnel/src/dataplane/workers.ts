// The data plane in worker threads: each opens its own listeners in every pod and keeps its own tunnels and copy of the mesh.
// This is the main thread's end; worker.ts is the other. A thread that dies takes the process with it: half a data plane would drop connections in silence.
import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Snapshot } from '@ambient-mesh/runtime/metrics';
import type { Config } from '../config.ts';
import type { DataPlane, DataPlaneCommand, DataPlanePorts, PodConnections, PodUid } from './data-plane.ts';
import { Line } from './line.ts';

/** What main asks of a worker. */
export type ToWorker = { readonly command: DataPlaneCommand } | { readonly read: 'metrics' | 'connections' | 'last words' };
/** What a worker asks of main. */
export type ToMain = { readonly credentialsFor: Parameters<DataPlanePorts['credentialsFor']>[0] } | { readonly demand: string };

/** Garbage of connections is collected before it has spread over 48 MB, V8's own limit: 10 KB less memory for each open connection, at no cost to see. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 } as const;

export interface WorkersOptions {
  readonly config: Config;
  readonly ports: DataPlanePorts;
  /** A thread ended by itself: nothing is left but to stop. */
  readonly onLost: (why: Error) => void;
}

/** Resolves when every thread works; throws what kept one from it, with none left. */
export async function workers({ config, ports, onLost }: WorkersOptions): Promise<DataPlane> {
  let working = false;
  const threads = Array.from({ length: config.numWorkerThreads }, (_, n) => start(n));
  /** Settles when all have answered, so that a failure leaves nothing under way. */
  const each = async <T>(body: ToWorker): Promise<T[]> => {
    const asked = threads.map(({ line }) => line.ask(body) as Promise<T>);
    await Promise.allSettled(asked);
    return Promise.all(asked);
  };

  function start(n: number) {
    // Most descriptors of a thread are not made by Node, which would otherwise warn of each one that is closed.
    const options = { workerData: { config }, env: environment(), name: `ztunnel-${n}`, trackUnmanagedFds: false, resourceLimits };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), options);
    const line = new Line<ToWorker, ToMain>(worker, (body) => {
      return 'demand' in body ? ports.demand(body.demand) : ports.credentialsFor(body.credentialsFor);
    });
    worker.once('error', (e) => lost(e instanceof Error ? e : new Error(String(e))));
    worker.once('exit', (code) => lost(new Error(`data thread ${n} ended with code ${code}`)));
    const lost = (why: Error): void => {
      line.close(why);
      if (working) onLost(why);
    };
    return { worker, line };
  }

  async function stop(): Promise<void> {
    working = false;
    await each({ read: 'last words' }).catch(() => {});
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  try {
    // A question that changes nothing: the answer shows that the thread is there.
    await each({ read: 'connections' });
  } catch (e) {
    await stop();
    throw e;
  }
  working = true;

  return {
    threads: threads.map(({ worker }, n) => ({
      name: `ztunnel-${n}`,
      busySeconds: () => worker.performance.eventLoopUtilization().active / 1000,
    })),
    send: async (command) => void (await each({ command })),
    metrics: () => each<Snapshot>({ read: 'metrics' }),
    connections: async () => merge((await each<readonly PodConnections[]>({ read: 'connections' })).flat()),
    [Symbol.asyncDispose]: stop,
  };
}

/** Nothing of ours but the compile cache, without which every thread would load a compiler of 17 MB. */
function environment(): Record<string, string> {
  const cache = getCompileCacheDir();
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache };
}

/** One entry per pod, whatever thread serves its connections. */
function merge(all: readonly PodConnections[]): readonly PodConnections[] {
  const byPod = new Map<PodUid, PodConnections>();
  for (const c of all) {
    const seen = byPod.get(c.pod);
    byPod.set(
      c.pod,
      seen === undefined ? c : { pod: c.pod, inbound: [...seen.inbound, ...c.inbound], outbound: [...seen.outbound, ...c.outbound] },
    );
  }
  return [...byPod.values()];
}
