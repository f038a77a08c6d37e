// A CPU profile of this thread as a pprof file, so that the tools that people use on ztunnel work on this one too.
// Node's inspector samples; pprof.ts writes the file. One profile at a time.
import { Session } from 'node:inspector/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { encodePprof } from './pprof.ts';

export interface ProfileRequest {
  readonly seconds: number;
  /** Samples per second. */
  readonly frequency: number;
}

/** Rejects when a profile is being taken already, or the signal aborts. */
export type CpuProfiler = (request: ProfileRequest, signal: AbortSignal) => Promise<Uint8Array>;

export function readProfileRequest(query: URLSearchParams): ProfileRequest | { readonly mistake: string } {
  const seconds = wholeWithin(query.get('seconds') ?? '10', 300);
  const frequency = wholeWithin(query.get('frequency') ?? '100', 1_000);
  if (seconds === undefined) return { mistake: 'seconds must be a whole number from 1 to 300' };
  if (frequency === undefined) return { mistake: 'frequency must be a whole number from 1 to 1000' };
  return { seconds, frequency };
}

function wholeWithin(text: string, most: number): number | undefined {
  const n = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return n >= 1 && n <= most ? n : undefined;
}

const compress = promisify(gzip);

export function cpuProfiler(clock: Clock): CpuProfiler {
  let busy = false;
  return async ({ seconds, frequency }, signal) => {
    if (busy) throw new Error('a CPU profile is being taken already');
    busy = true;
    const session = new Session();
    try {
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: Math.round(1_000_000 / frequency) });
      await session.post('Profiler.start');
      await clock.sleep(ms(seconds * 1_000), signal);
      const { profile } = await session.post('Profiler.stop');
      return await compress(encodePprof(profile, frequency));
    } finally {
      session.disconnect();
      busy = false;
    }
  };
}
