// A Lease (coordination.k8s.io/v1) as leader election reads and writes it. Pure.
// Used by lease.ts. The times in it are for people; nobody here judges by them.
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Kind } from './kind.ts';
import { isObject, numberOf, objectOf, type RawObject, textOf } from './raw.ts';

export interface Lease {
  readonly version: string;
  /** `''`: released. */
  readonly holder: string;
  /** As its holder promised; undefined when it says nothing usable. */
  readonly duration: Ms | undefined;
  /** All of it, to be written back with a new spec. */
  readonly raw: RawObject;
}

export const leases: Kind<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
  narrow: (raw) => {
    const { metadata, spec } = objectOf(raw);
    const version = textOf(objectOf(metadata).resourceVersion);
    const seconds = numberOf(objectOf(spec).leaseDurationSeconds);
    if (!isObject(raw) || version === '') return undefined;
    return { version, holder: textOf(objectOf(spec).holderIdentity), duration: seconds > 0 ? ms(seconds * 1_000) : undefined, raw };
  },
};

export interface Holder {
  readonly identity: string;
  readonly duration: Ms;
  /** Wall clock. */
  readonly now: Ms;
}

/** The lease, taken or renewed by this holder; a new one if there is none. Carries the version, so that only one of several writers succeeds. */
export function takenBy({ identity, duration, now }: Holder, lease: Lease | undefined): object {
  const before = objectOf(lease?.raw.spec);
  const time = microTime(now);
  const changesHands = lease !== undefined && lease.holder !== identity;
  const spec = {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(duration / 1_000),
    renewTime: time,
    acquireTime: lease === undefined || changesHands ? time : (before.acquireTime ?? time),
    leaseTransitions: (numberOf(before.leaseTransitions) || 0) + (changesHands ? 1 : 0),
  };
  return { ...lease?.raw, spec };
}

/** The lease, free for whoever comes first. */
export function released(lease: Lease, now: Ms): object {
  const time = microTime(now);
  return {
    ...lease.raw,
    spec: { ...objectOf(lease.raw.spec), holderIdentity: '', leaseDurationSeconds: 1, renewTime: time, acquireTime: time },
  };
}

/** Kubernetes' MicroTime. */
export const microTime = (now: Ms): string => new Date(now).toISOString().replace('Z', '000Z');
