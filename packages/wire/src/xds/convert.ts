// Decodes one xDS resource and copies it into the model, or says why it cannot be used. Pure: bytes in, plain data out.
// Called by push.ts for each resource of a response; a reason goes back to the control plane for that resource alone.
// The converters of each kind are beside it; encode.ts is the way back.

import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { fromBinary } from '@bufbuild/protobuf';
import { AuthorizationSchema } from '../messages/generated/authorization_pb.js';
import { AddressSchema } from '../messages/generated/workload_pb.js';
import { toPolicy } from './convert-policy.ts';
import { toService } from './convert-service.ts';
import { toWorkload, Unusable } from './convert-workload.ts';
import type { Interner } from './interner.ts';

export type Converted =
  | { readonly workload: Workload }
  | { readonly service: Service }
  | { readonly policy: Policy }
  | { readonly l7: L7Resource }
  /** Why the resource cannot be used; bytes of the peer may be quoted in it. */
  | { readonly unusable: string };

/** Fields that we do not know are skipped, not kept: nothing sends these messages on. */
const decoding = { readUnknownFields: false } as const;

export function convertAddress(bytes: Uint8Array, shared: Interner): Converted {
  return orReason(() => {
    const { type } = fromBinary(AddressSchema, bytes, decoding);
    if (type.case === 'workload') return { workload: toWorkload(type.value, shared) };
    if (type.case === 'service') return { service: toService(type.value, shared) };
    throw new Unusable('neither a workload nor a service');
  });
}

/** `name` is the resource's name: the key under which workloads refer to the policy. */
export function convertAuthorization(name: string, bytes: Uint8Array, shared: Interner): Converted {
  return orReason(() => ({ policy: toPolicy(name, fromBinary(AuthorizationSchema, bytes, decoding), shared) }));
}

/** JSON of our own control plane: its shape is trusted, what it says is judged where it is compiled. */
export function convertL7(bytes: Uint8Array): Converted {
  return orReason(() => {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    if (typeof value !== 'object' || value === null || !('is' in value)) throw new Unusable('not a resource of ours');
    return { l7: value as L7Resource };
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function orReason(convert: () => Converted): Converted {
  try {
    return convert();
  } catch (e) {
    // Whatever the decoder throws over a peer's bytes is about those bytes.
    return { unusable: e instanceof Error ? e.message : String(e) };
  }
}
