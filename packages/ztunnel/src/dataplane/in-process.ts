// The data plane in the main thread: what tests use, and what ZTUNNEL_IN_PROCESS=true runs.
import type { Config } from '../config.ts';
import type { DataPlane, DataPlanePorts } from './data-plane.ts';
import { Engine } from './engine.ts';

export function inProcess(config: Config, ports: DataPlanePorts): DataPlane {
  const engine = new Engine(config, ports);
  return {
    threads: [{ name: 'ztunnel-0', busySeconds: () => performance.eventLoopUtilization().active / 1000 }],
    send: async (command) => engine.carryOut(command),
    metrics: async () => [engine.metrics()],
    connections: async () => engine.connections(),
    [Symbol.asyncDispose]: async () => engine[Symbol.dispose](),
  };
}
