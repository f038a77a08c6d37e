// ZDS messages as bytes, both directions, and the rule which of them carries a descriptor. Pure.
// The tunnel's side uses writeHello, readRequest and writeAck; the CNI agent's side readHello, writeRequest and readAck.
// One message is one packet; descriptors travel beside the bytes and are only counted here.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Version,
  type WorkloadRequest,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
} from '../messages/generated/zds_pb.js';

/** Longest packet, in bytes: both sides read into a buffer of this size, and a longer one is cut off. */
const longestPacket = 1_024;

export interface PodInfo {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What the agent asks of the tunnel. `pod` is absent only if the agent left it out, which the protocol forbids. */
export type ZdsRequest =
  | { readonly is: 'add'; readonly uid: string; readonly pod?: PodInfo }
  | { readonly is: 'keep'; readonly uid: string }
  | { readonly is: 'del'; readonly uid: string }
  | { readonly is: 'snapshot-sent' };

export interface Unreadable {
  readonly unreadable: string;
}

const decoding = { readUnknownFields: false } as const;

export function writeHello(): Uint8Array {
  return toBinary(ZdsHelloSchema, create(ZdsHelloSchema, { version: Version.V1 }));
}

/** The version that the tunnel speaks; 1 is the only one there is. */
export function readHello(bytes: Uint8Array): { readonly version: number } | Unreadable {
  return orUnreadable(() => ({ version: fromBinary(ZdsHelloSchema, bytes, decoding).version }));
}

export function writeRequest(request: ZdsRequest): Uint8Array {
  return toBinary(WorkloadRequestSchema, create(WorkloadRequestSchema, { payload: payloadOf(request) }));
}

/** @param descriptors how many came with the packet: an `add` has exactly one, all else none. */
export function readRequest(bytes: Uint8Array, descriptors: number): ZdsRequest | Unreadable {
  const request = orUnreadable(() => requestOf(fromBinary(WorkloadRequestSchema, bytes, decoding)));
  if ('unreadable' in request) return request;
  const wanted = request.is === 'add' ? 1 : 0;
  return descriptors === wanted ? request : { unreadable: `${request.is} with ${descriptors} descriptors instead of ${wanted}` };
}

/** An empty `error` means done. Longer texts are cut to fit a packet. */
export function writeAck(error: string): Uint8Array {
  const fits = Buffer.from(error)
    .subarray(0, longestPacket - 64)
    .toString('utf8');
  return toBinary(WorkloadResponseSchema, create(WorkloadResponseSchema, { payload: { case: 'ack', value: { error: fits } } }));
}

export function readAck(bytes: Uint8Array): { readonly error: string } | Unreadable {
  return orUnreadable(() => {
    const { payload } = fromBinary(WorkloadResponseSchema, bytes, decoding);
    return payload.case === 'ack' ? { error: payload.value.error } : { unreadable: 'an answer without payload' };
  });
}

function payloadOf(request: ZdsRequest): { case: 'add' | 'keep' | 'del' | 'snapshotSent'; value: object } {
  if (request.is === 'snapshot-sent') return { case: 'snapshotSent', value: {} };
  if (request.is !== 'add') return { case: request.is, value: { uid: request.uid } };
  return { case: 'add', value: { uid: request.uid, ...(request.pod && { workloadInfo: { ...request.pod } }) } };
}

function requestOf({ payload }: WorkloadRequest): ZdsRequest | Unreadable {
  switch (payload.case) {
    case 'add': {
      const { uid, workloadInfo: info } = payload.value;
      if (info === undefined) return { is: 'add', uid };
      return { is: 'add', uid, pod: { name: info.name, namespace: info.namespace, serviceAccount: info.serviceAccount } };
    }
    case 'keep':
    case 'del':
      return { is: payload.case, uid: payload.value.uid };
    case 'snapshotSent':
      return { is: 'snapshot-sent' };
    case undefined:
      return { unreadable: 'a request without payload' };
    default:
      return payload satisfies never;
  }
}

function orUnreadable<T>(decode: () => T): T | Unreadable {
  try {
    return decode();
  } catch (e) {
    return { unreadable: e instanceof Error ? e.message : String(e) };
  }
}
