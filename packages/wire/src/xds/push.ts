// Turns one xDS response into a change of the mesh, resource by resource; a bad resource costs only itself. Pure.
// A generator, so that client.ts can let the event loop breathe while a push of the whole mesh is converted.
// Deciding on the answer to the server is subscription.ts.
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { type L7Change, l7Type } from '@ambient-mesh/model/l7/resource';
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { DeltaDiscoveryResponse, Resource } from '../messages/generated/discovery_pb.js';
import type { Converted } from './convert.ts';
import { convertAddress, convertAuthorization, convertL7 } from './convert.ts';
import type { Interner } from './interner.ts';
import type { Outcome, Rejection, ResourceType } from './subscription.ts';
import { addressType, authorizationType } from './subscription.ts';

export interface Push {
  readonly delta: MeshDelta;
  readonly outcome: Outcome;
  /** Sum of the bodies. */
  readonly bodyBytes: number;
}

/** Resources converted between two chances to pause: about 2 ms of work. */
const batch = 128;

/**
 * Yields now and then, returns the push. A response of a type that we never asked for changes nothing, and is accepted.
 * @param follows whether we asked for the response's type.
 */
export function* convertPush(response: DeltaDiscoveryResponse, shared: Interner, follows: boolean): Generator<void, Push> {
  const { typeUrl, nonce } = response;
  const workloads: Workload[] = [];
  const services: Service[] = [];
  const policies: Policy[] = [];
  const changed: L7Change[] = [];
  const accepted: { name: string; version: string }[] = [];
  const rejected: Rejection[] = [];
  let bodyBytes = 0;

  const removed = follows ? response.removedResources : [];
  const gone = new Set(removed);
  let left = batch;
  for (const resource of follows ? response.resources : []) {
    if (left-- === 0) {
      left = batch;
      yield;
    }
    bodyBytes += resource.resource?.value.length ?? 0;
    // Within one response, removals come after the resources.
    if (gone.has(resource.name)) continue;
    const converted = convert(typeUrl as ResourceType, resource, shared);
    if ('unusable' in converted) {
      rejected.push({ name: resource.name, reason: converted.unusable });
      continue;
    }
    if ('workload' in converted) workloads.push(converted.workload);
    else if ('service' in converted) services.push(converted.service);
    else if ('policy' in converted) policies.push(converted.policy);
    else changed.push({ name: resource.name, resource: converted.l7 });
    accepted.push({ name: nameOf(resource, converted), version: shared.text(resource.version) });
  }

  const removedOf = (type: ResourceType): readonly string[] => (typeUrl === type ? removed : []);
  const [removedAddresses, removedPolicies] = [removedOf(addressType), removedOf(authorizationType)];
  const l7 = typeUrl === l7Type && { l7: { changed, removed } };
  return {
    delta: { workloads, services, policies, removedAddresses, removedPolicies, ...l7 },
    outcome: { typeUrl, nonce, accepted, removed, rejected },
    bodyBytes,
  };
}

function convert(typeUrl: ResourceType, { name, resource }: Resource, shared: Interner): Converted {
  if (resource === undefined) return { unusable: 'no resource body' };
  if (typeUrl === addressType) return convertAddress(resource.value, shared);
  return typeUrl === l7Type ? convertL7(resource.value) : convertAuthorization(name, resource.value, shared);
}

/** The name, as the very string that the model holds where it has it: names of a hundred thousand workloads are megabytes. */
function nameOf({ name }: Resource, converted: Converted): string {
  if ('workload' in converted && converted.workload.uid === name) return converted.workload.uid;
  return 'policy' in converted ? converted.policy.key : name;
}
