// From Istio's objects, and from the mesh's own settings, to what waypoints are told: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of l7/; routes of the Gateway API, which have a status, are mesh-routes.ts.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { Dependant } from './derive/table.ts';
import { destinationRule } from './l7/destination-rule.ts';
import { virtualService } from './l7/virtual-service.ts';
import { lookUpOf } from './mesh-routes.ts';
import type { Reading } from './mesh-services.ts';

/** One object, as waypoints are told of it. */
export interface Told {
  /** Absent when no waypoint has anything to do with it. */
  readonly resource?: L7Resource;
  /** What is not carried out as written, for people. */
  readonly problems: readonly string[];
}

type Telling = Generator<readonly [key: string, Told]>;

export function* virtualServiceTold(reading: Reading, key: string, by: Dependant): Telling {
  const object = reading.tables.virtualServices.read(key, by);
  if (object === undefined) return;
  const { route, problems } = virtualService(object, lookUpOf(reading, by), reading.settings);
  yield [key, { ...(route && { resource: { is: 'route', route } }), problems }];
}

export function* destinationRuleTold(reading: Reading, key: string, by: Dependant): Telling {
  const object = reading.tables.destinationRules.read(key, by);
  if (object === undefined) return;
  const { settings, problems } = destinationRule(object, lookUpOf(reading, by), reading.settings);
  yield [key, { ...(settings && { resource: { is: 'destination', settings } }), problems }];
}
