// The gRPC health check (grpc.health.v1) from the test process into a namespace, over HTTP/2 in clear. Used for probes.
import { connect } from 'node:http2';
import type { Netns } from '@ambient-mesh/host/netns';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { dialIn } from './http.ts';

export interface HealthQuestion {
  readonly host: string;
  readonly port: number;
  /** Default: the server as a whole. */
  readonly service?: string;
}

const serving = 1;
/** Before each message: not compressed, and its length. */
const headBytes = 5;
const mostBytes = 1_024;

/** Rejects when there is no such answer, or when aborted. */
export function isServing(netns: Netns, { host, port, service = '' }: HealthQuestion, signal: AbortSignal): Promise<boolean> {
  return new Promise<boolean>((resolve, reject) => {
    const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const session = connect(`http://${authority}`, { createConnection: () => dialIn(netns, host, port) });
    session.on('error', reject);
    const path = '/grpc.health.v1.Health/Check';
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }, { signal });
    let got = Buffer.alloc(0);
    stream.on('error', reject).on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length > mostBytes) stream.destroy(new Error(`${authority} says more than a health check may`));
    });
    stream.on('close', () => {
      session.destroy();
      try {
        resolve(statusIn(got.subarray(headBytes)) === serving);
      } catch (e) {
        reject(e);
      }
    });
    stream.end(framed(new BinaryWriter().tag(1, 2).string(service).finish()));
  });
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Field 1 of the answer; 0 when it is not there. */
function statusIn(message: Uint8Array): number {
  const reader = new BinaryReader(message);
  let status = 0;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1 && wire === 0) status = reader.int32();
    else reader.skip(wire);
  }
  return status;
}
