// A data thread: runs one Engine and answers the main thread (workers.ts). It writes its log lines itself: whole lines never mix.
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { giveBackStartMemory } from '@ambient-mesh/runtime/heap';
import { descriptorPort, LogOutput } from '@ambient-mesh/runtime/log-output';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { Config } from '../config.ts';
import { Engine } from './engine.ts';
import { Line } from './line.ts';
import type { ToMain, ToWorker } from './workers.ts';

if (parentPort === null) throw new Error('worker.ts runs in a worker thread only');
const { config } = workerData as { config: Config };
const output = new LogOutput(descriptorPort(1));
const main = new Line<ToMain, ToWorker>(parentPort, answer);
const engine = new Engine(config, {
  credentialsFor: async (id) => (await main.ask({ credentialsFor: id })) as Credentials,
  demand: async (key) => void (await main.ask({ demand: key })),
  log: output.line,
});

// Now, because a thread that is terminated would never write it.
flushCompileCache();
giveBackStartMemory(systemClock);

function answer(body: ToWorker): unknown {
  if ('command' in body) return engine.carryOut(body.command);
  if (body.read === 'metrics') return engine.metrics();
  return body.read === 'connections' ? engine.connections() : stop();
}

async function stop(): Promise<void> {
  engine[Symbol.dispose]();
  await output.flush();
}
