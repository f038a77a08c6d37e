// What the image `echo-advanced` of the Gateway API's conformance suite says, where it differs from `ambient-mesh/echo-http`: lines `Key=Value`,
// and gRPC messages in Protobuf. Pure. Used by echo-http.ts when it plays that image, and by its client, echo-advanced-client.ts.
// Only what the suite reads (facts: gateway-api-mesh §4.3).
import type { SeenRequest } from './request-protocol.ts';

/** The suite calls it, and nothing else. */
export const echoMethod = '/proto.EchoTestService/Echo';

/** Each line ends with a newline. */
export function linesOfAnswer({ pod, version, method, path, host, proto, headers, peer }: SeenRequest, isGrpc: boolean): string {
  const fields: readonly (readonly [string, string])[] = [
    ...(isGrpc ? [['StatusCode', '200'] as const] : []),
    ['ServiceVersion', version],
    ['Host', host],
    ...(isGrpc
      ? []
      : ([
          ['URL', path],
          ['Method', method],
        ] as const)),
    ['Proto', isGrpc ? 'GRPC' : proto],
    ['IP', peer],
    ...headers.map(([name, value]) => ['RequestHeader', `${name}:${value}`] as const),
    ['Hostname', pod],
  ];
  return fields.map(([key, value]) => `${key}=${value}\n`).join('');
}

/** EchoRequest and EchoResponse are the same on the wire: field 1, a text. */
export function encodeEcho(message: string): Buffer {
  const text = Buffer.from(message);
  const length: number[] = [];
  for (let left = text.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), text]);
}

/** Undefined: something else than one text in field 1. No message at all is the empty text. */
export function decodeEcho(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return '';
  if (bytes[0] !== 0x0a) return undefined;
  let at = 1;
  let length = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length |= (byte & 127) << shift;
    if (byte < 128) return at + length === bytes.length ? bytes.toString('utf8', at) : undefined;
  }
  return undefined;
}
