// What Envoy's external authorization protocol says, in plain data: the question about one request, and its answer. Pure.
// Used by the waypoint's filter for CUSTOM policies, which makes the call and decides; headers are passed on as the service wrote them.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { HeaderList } from '../http/message.ts';
import {
  AppendAction,
  CheckRequestSchema,
  CheckResponseSchema,
  type HeaderValueOption,
} from '../messages/generated/external_authorization_pb.js';

export const checkPath = '/envoy.service.auth.v3.Authorization/Check';

export interface CheckPeer {
  readonly address: string;
  readonly port: number;
  /** The whole id, `spiffe://…`; empty in clear text. */
  readonly principal: string;
}

export interface CheckQuestion {
  readonly source: CheckPeer;
  readonly destination: CheckPeer;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly sni: string;
  /** Absent for a connection that is not HTTP. */
  readonly http?: {
    readonly id: string;
    readonly method: string;
    readonly scheme: string;
    readonly host: string;
    /** With the query. */
    readonly path: string;
    readonly protocol: string;
    readonly headers: HeaderList;
    /** -1: not known. */
    readonly size: number;
    readonly body: string | Uint8Array;
  };
}

export function encodeCheck({ source, destination, time, sni, http }: CheckQuestion): Uint8Array {
  const request = { time: timestampFromMs(time), ...(http && { http: messageOf(http) }) };
  const attributes = { source: peerOf(source), destination: peerOf(destination), request, ...(sni !== '' && { tlsSession: { sni } }) };
  return toBinary(CheckRequestSchema, create(CheckRequestSchema, { attributes }));
}

function messageOf({ headers, body, size, ...rest }: NonNullable<CheckQuestion['http']>) {
  const { method, path, host, scheme } = rest;
  const joined = new Map([
    [':method', method],
    [':path', path],
    [':authority', host],
    [':scheme', scheme],
  ]);
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? utf8(value) : `${before},${utf8(value)}`);
  }
  const content = typeof body === 'string' ? { body } : { rawBody: Uint8Array.from(body) };
  return { ...rest, size: BigInt(size), headers: Object.fromEntries(joined), ...content };
}

/** Headers are kept octet by octet, protobuf has texts: what is not UTF-8 shows as U+FFFD. */
const utf8 = (octets: string): string => Buffer.from(octets, 'latin1').toString();
const octets = (value: string | Uint8Array): string => Buffer.from(value).toString('latin1');

const peerOf = ({ address, port, principal }: CheckPeer) => ({ address: { socketAddress: { address, portValue: port } }, principal });

/** How a header of the answer meets one that is there already. */
export type HeaderChange = readonly [name: string, value: string, how: 'set' | 'add' | 'if-absent' | 'if-present'];

export type CheckAnswer =
  | {
      readonly allow: true;
      readonly request: readonly HeaderChange[];
      readonly removed: readonly string[];
      readonly response: readonly HeaderChange[];
    }
  /** `status`: absent when the service leaves it open. */
  | { readonly allow: false; readonly status?: number; readonly headers: readonly HeaderChange[]; readonly body: string };

/** Undefined: this is no such message. */
export function decodeCheck(bytes: Uint8Array): CheckAnswer | undefined {
  try {
    const { status, httpResponse } = fromBinary(CheckResponseSchema, bytes);
    if ((status?.code ?? 0) === 0) {
      const ok = httpResponse.case === 'okResponse' ? httpResponse.value : undefined;
      const response = (ok?.responseHeadersToAdd ?? []).map((each) => change(each, byAction(each)));
      return { allow: true, request: (ok?.headers ?? []).map(plainChange), removed: ok?.headersToRemove ?? [], response };
    }
    const denied = httpResponse.case === 'deniedResponse' ? httpResponse.value : undefined;
    const code = denied?.status?.code ?? 0;
    return {
      allow: false,
      ...(code !== 0 && { status: code }),
      headers: (denied?.headers ?? []).map(plainChange),
      body: denied?.body ?? '',
    };
  } catch {
    return undefined;
  }
}

/** Of requests and refusals only the older flag counts, and without it a header replaces. */
const plainChange = (option: HeaderValueOption): HeaderChange => change(option, option.append === true ? 'add' : 'set');

const actions = {
  [AppendAction.APPEND_IF_EXISTS_OR_ADD]: 'add',
  [AppendAction.ADD_IF_ABSENT]: 'if-absent',
  [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: 'set',
  [AppendAction.OVERWRITE_IF_EXISTS]: 'if-present',
} as const;

const byAction = ({ append, appendAction }: HeaderValueOption): HeaderChange[2] => {
  if (append !== undefined) return append ? 'add' : 'set';
  return actions[appendAction] ?? 'add';
};

function change({ header }: HeaderValueOption, how: HeaderChange[2]): HeaderChange {
  const raw = header?.rawValue ?? new Uint8Array();
  return [header?.key ?? '', octets(raw.length > 0 ? raw : (header?.value ?? '')), how];
}
