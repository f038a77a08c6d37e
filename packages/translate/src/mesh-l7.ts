// From Istio's objects, and from the mesh's own settings, to what waypoints are told: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of l7/; routes of the Gateway API, which have a status of parents, are mesh-routes.ts.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { Dependant } from './derive/table.ts';
import { destinationRule } from './l7/destination-rule.ts';
import { meshSettings } from './l7/mesh-settings.ts';
import type { PolicyLookUp, TranslatedPolicy } from './l7/policy-attachment.ts';
import { rateLimit } from './l7/rate-limit.ts';
import { requestAuthentication } from './l7/request-authentication.ts';
import { requestPolicy } from './l7/request-policy.ts';
import { telemetry } from './l7/telemetry.ts';
import { virtualService } from './l7/virtual-service.ts';
import { wasmPlugin } from './l7/wasm-plugin.ts';
import { waypointSettings } from './l7/waypoint-settings.ts';
import type { Status } from './mesh-policies.ts';
import { lookUpOf } from './mesh-routes.ts';
import type { Reading } from './mesh-services.ts';
import { inRevision } from './revision.ts';

/** One object, as waypoints are told of it. */
export interface Told {
  /** Absent when no waypoint has anything to do with it. */
  readonly resource?: L7Resource;
  /** What is not carried out as written, for people. */
  readonly problems: readonly string[];
  /** Of kinds that have conditions of ours. Absent: the object is not ours to speak of. */
  readonly status?: Status;
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

/** What tunnels make of a policy without targets is the verdict's. */
export function* authorizationTold(reading: Reading, key: string, by: Dependant): Telling {
  const { tables, settings } = reading;
  const object = tables.authorizationPolicies.read(key, by);
  if (object === undefined || !inRevision(object.meta, settings.revision)) return;
  const { policy, problems, ...made } = requestPolicy(object, policyLookUp(reading, by), settings);
  const { condition, unenforced } = (object.targets.length > 0 ? made : tables.verdicts.read(key, by)) ?? {};
  const status = { conditions: condition ? [condition] : [], ...(unenforced && { unenforced }) };
  yield [key, { ...(policy && { resource: { is: 'authorization', policy } }), problems, status }];
}

/** `read`: the object; `translate`: what its kind makes of it. */
const policyTold = <V extends { readonly meta: { readonly labels: Readonly<Record<string, string>> } }, P>(
  read: (tables: Reading['tables'], key: string, by: Dependant) => V | undefined,
  translate: (object: V, look: PolicyLookUp, settings: Reading['settings']) => TranslatedPolicy<P>,
  resourceOf: (policy: P) => L7Resource,
) =>
  function* (reading: Reading, key: string, by: Dependant): Telling {
    const object = read(reading.tables, key, by);
    if (object === undefined || !inRevision(object.meta, reading.settings.revision)) return;
    const { policy, condition, problems } = translate(object, policyLookUp(reading, by), reading.settings);
    const status = { conditions: condition ? [condition] : [] };
    yield [key, { ...(policy !== undefined && { resource: resourceOf(policy) }), problems, status }];
  };

export const authenticationTold = policyTold(
  (tables, key, by) => tables.requestAuthentications.read(key, by),
  requestAuthentication,
  (authentication) => ({ is: 'authentication', authentication }),
);
export const rateLimitTold = policyTold(
  (tables, key, by) => tables.rateLimits.read(key, by),
  rateLimit,
  (limit) => ({ is: 'rate-limit', limit }),
);
export const wasmTold = policyTold(
  (tables, key, by) => tables.wasmPlugins.read(key, by),
  wasmPlugin,
  (plugin) => ({ is: 'wasm', plugin }),
);
export const telemetryTold = policyTold(
  (tables, key, by) => tables.telemetries.read(key, by),
  telemetry,
  (settings) => ({ is: 'telemetry', telemetry: settings }),
);

/** Of every Gateway, also before it has an address: its pods have to know from their first request on. */
export function* waypointTold({ tables }: Reading, key: string, by: Dependant): Telling {
  const gateway = tables.gateways.read(key, by);
  if (gateway !== undefined) yield [key, { resource: { is: 'waypoint', settings: waypointSettings(gateway) }, problems: [] }];
}

export function* meshTold(reading: Reading, key: string, by: Dependant): Telling {
  const { settings, problems } = meshSettings(reading.settings.meshDefaults, lookUpOf(reading, by), reading.settings);
  yield [key, { resource: { is: 'mesh', settings }, problems }];
}

function policyLookUp(reading: Reading, by: Dependant): PolicyLookUp {
  const { tables } = reading;
  const { service, serviceEntry } = lookUpOf(reading, by);
  return {
    service,
    serviceEntry,
    gateway: (namespace, name) => tables.waypoints.read(`${namespace}/${name}`, by) !== undefined,
    gatewayClass: (name) => tables.gatewayClasses.read(name, by)?.controller,
  };
}
