// The data plane in worker threads: each opens its own listeners in every pod and keeps its own tunnels and copy of the mesh.
// This is the main thread's end; worker.ts is the other. A thread that dies takes the process with it: half a data plane would drop connections in silence.
import { Worker } from 'node:worker_threads';
import type { Snapshot } from '@ambient-mesh/runtime/metrics';
import type { Config } from '../config.ts';
import type { DataPlane, DataPlaneCommand, DataPlanePorts, PodConnections, PodUid } from './data-plane.ts';
import { Line } from './line.ts';

/** What main asks of a worker. */
export type ToWorker = { readonly command: DataPlaneCommand } | { readonly read: 'metrics' | 'connections' | 'last words' };
/** What a worker asks of main. */
export type ToMain = { readonly credentialsFor: Parameters<DataPlanePorts['credentialsFor']>[0] } | { readonly demand: string };

export interface WorkersOptions {
  readonly config: Config;
  readonly ports: DataPlanePorts;
  /** A thread ended by itself: nothing is left but to stop. */
  readonly onLost: (why: Error) => void;
}

export async function workers({ config, ports, onLost }: WorkersOptions): Promise<DataPlane> {
  let stopping = false;
  const threads = Array.from({ length: config.numWorkerThreads }, (_, n) => start(n));
  await Promise.all(threads.map(({ online }) => online));
  const each = <T>(body: ToWorker): Promise<T[]> => Promise.all(threads.map(({ line }) => line.ask(body) as Promise<T>));

  function start(n: number) {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { config }, name: `ztunnel-${n}` });
    const line = new Line<ToWorker, ToMain>(worker, (body) => {
      return 'demand' in body ? ports.demand(body.demand) : ports.credentialsFor(body.credentialsFor);
    });
    const { promise: online, resolve, reject } = Promise.withResolvers<void>();
    worker.once('online', resolve);
    worker.once('error', (e) => lost(e instanceof Error ? e : new Error(String(e))));
    worker.once('exit', (code) => lost(new Error(`data thread ${n} ended with code ${code}`)));
    const lost = (why: Error): void => {
      line.close(why);
      reject(why);
      if (!stopping) onLost(why);
    };
    return { worker, line, online };
  }

  return {
    threads: threads.map(({ worker }, n) => ({
      name: `ztunnel-${n}`,
      busySeconds: () => worker.performance.eventLoopUtilization().active / 1000,
    })),
    send: async (command) => void (await each({ command })),
    metrics: () => each<Snapshot>({ read: 'metrics' }),
    connections: async () => merge((await each<readonly PodConnections[]>({ read: 'connections' })).flat()),
    async [Symbol.asyncDispose]() {
      stopping = true;
      await Promise.allSettled([each({ read: 'last words' })]);
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
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
