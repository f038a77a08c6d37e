// What every part of the waypoint that carries traffic shares. Made once by app.ts; holds no state of its own.

import type { Drain } from '@ambient-mesh/runtime/drain';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import type { Config } from './config.ts';
import type { Destinations } from './dispatch/destinations.ts';
import type { Dialler } from './dispatch/dial.ts';
import type { Filters } from './filters/filters.ts';
import type { Logger } from './log.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import type { World } from './world.ts';

export interface Shared {
  readonly config: Config;
  readonly world: World;
  readonly clock: Clock;
  /** Where bytes are read into; also counts what is held for slow readers. */
  readonly memory: ReadMemory;
  /** 0 <= x < 1. */
  readonly random: () => number;
  readonly destinations: Destinations;
  readonly dialler: Dialler;
  readonly filters: Filters;
  readonly telemetry: Telemetry;
  /** Requests and raw connections take part: what is in progress may finish. */
  readonly drain: Drain;
  readonly log: Logger;
}
