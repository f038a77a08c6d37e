// What an analyzer is: a question to the world, answered with findings. Each is a file of its own in analyzers/; all of them are in all-analyzers.ts.
import type { Code } from './codes.ts';
import type { Finding } from './finding.ts';
import type { World } from './world.ts';

export interface Analyzer {
  /** As `--analyzer` takes it. */
  readonly name: string;
  /** One line for `-L`. */
  readonly about: string;
  /** All that it may report. */
  readonly codes: readonly Code[];
  /** Pure. */
  readonly run: (world: World) => Iterable<Finding>;
}
