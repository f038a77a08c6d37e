// The few functions of WASI that programs for Proxy-Wasm expect: text output as log lines, environment, clock, chance. No files, no sockets.
// Bound into a plugin by guest.ts.
import { BadAddress, type GuestMemory } from './guest-memory.ts';

const errno = { success: 0, badFile: 8, fault: 21, invalid: 28, unsupported: 58 } as const;
const mostRandom = 65_536;
const mostPieces = 64;
const longestPiece = 4_096;

/** The plugin ended itself. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`it exited with code ${code}`);
    this.code = code;
  }
}

export interface WasiPorts {
  /** Only once the plugin runs. */
  readonly memory: () => GuestMemory;
  readonly env: readonly (readonly [string, string])[];
  readonly log: (level: number, text: string) => void;
}

export function wasiImports({ memory, env, log }: WasiPorts): Record<string, WebAssembly.ImportFunction> {
  const entries = env.map(([name, value]) => Buffer.from(`${name}=${value}\0`));
  const calls = {
    fd_write(file: number, list: number, count: number, toWritten: number): number {
      if (file !== 1 && file !== 2) return errno.badFile;
      const parts: string[] = [];
      let written = 0;
      for (let n = 0; n < Math.min(count >>> 0, mostPieces); n++) {
        const length = memory().uint32(list + n * 8 + 4);
        parts.push(memory().text(memory().uint32(list + n * 8), Math.min(length, longestPiece)));
        written += length;
      }
      log(file === 1 ? 2 : 4, parts.join('').trimEnd());
      memory().putUint32(toWritten, written);
      return errno.success;
    },
    environ_sizes_get(toCount: number, toSize: number): number {
      memory().putUint32(toCount, entries.length);
      memory().putUint32(
        toSize,
        entries.reduce((sum, { length }) => sum + length, 0),
      );
      return errno.success;
    },
    environ_get(array: number, buffer: number): number {
      let at = buffer >>> 0;
      entries.forEach((entry, n) => {
        memory().putUint32(array + n * 4, at);
        memory().put(at, entry);
        at += entry.length;
      });
      return errno.success;
    },
    args_sizes_get(toCount: number, toSize: number): number {
      memory().putUint32(toCount, 0);
      memory().putUint32(toSize, 0);
      return errno.success;
    },
    args_get: (): number => errno.success,
    clock_time_get(clock: number, _precision: bigint, toTime: number): number {
      if (clock !== 0 && clock !== 1) return errno.unsupported;
      memory().putUint64(toTime, clock === 0 ? wallNanoseconds() : process.hrtime.bigint());
      return errno.success;
    },
    random_get(at: number, length: number): number {
      if (length >>> 0 > mostRandom) return errno.invalid;
      memory().put(at, crypto.getRandomValues(new Uint8Array(length)));
      return errno.success;
    },
    proc_exit(code: number): number {
      throw new Exit(code);
    },
  };
  return guarded(calls, errno.fault);
}

export const wallNanoseconds = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1_000)) * 1_000n;

/** The same functions, answering with a number when the plugin gives them a bad address. */
export function guarded(
  calls: Readonly<Record<string, (...values: never[]) => number>>,
  badAddress: number,
): Record<string, WebAssembly.ImportFunction> {
  const guard =
    (call: (...values: never[]) => number) =>
    (...values: never[]): number => {
      try {
        return call(...values);
      } catch (e) {
        if (e instanceof BadAddress) return badAddress;
        throw e;
      }
    };
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, guard(call)]));
}
