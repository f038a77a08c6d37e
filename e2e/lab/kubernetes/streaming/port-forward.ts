// Port-forwarding over SPDY: for each connection the client opens an error stream and a data stream with the same request number.
// Called by serve-stream.ts for SPDY on a socket and for SPDY in a WebSocket alike.
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PodPort } from './pod-port.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';

export const portForwardProtocol = 'portforward.k8s.io';
/** Time for the second stream of a pair. */
const pairMs = 30_000;

export function servePortForward(transport: Duplex, pod: PodPort): void {
  /** Halves of pairs, by request number. */
  const waiting = new Map<string, SpdyStream>();
  // The streams know their session; nobody else needs it.
  void new SpdySession(transport, (stream) => {
    const port = Number(stream.headers.get('port'));
    const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
    if (!isPort || !['data', 'error'].includes(kindOf(stream))) {
      stream.destroy();
      return;
    }
    const id = stream.headers.get('requestid') ?? '';
    const other = waiting.get(id);
    if (other === undefined) wait(waiting, id, stream);
    else {
      waiting.delete(id);
      pair(pod, port, stream, other);
    }
  });
}

const kindOf = ({ headers }: SpdyStream): string => headers.get('streamtype') ?? '';

function wait(waiting: Map<string, SpdyStream>, id: string, stream: SpdyStream): void {
  waiting.set(id, stream);
  const late = setTimeout(() => {
    if (waiting.get(id) === stream) stream.destroy();
  }, pairMs);
  stream.once('close', () => {
    clearTimeout(late);
    if (waiting.get(id) === stream) waiting.delete(id);
  });
}

function pair(pod: PodPort, port: number, one: SpdyStream, other: SpdyStream): void {
  if (kindOf(one) === kindOf(other)) {
    one.destroy();
    other.destroy();
  } else if (kindOf(one) === 'data') void forward(pod, port, one, other);
  else void forward(pod, port, other, one);
}

/** Never rejects. */
async function forward(pod: PodPort, port: number, data: SpdyStream, error: SpdyStream): Promise<void> {
  error.resume();
  const socket = pod.connect(port);
  const results = await Promise.allSettled([pipeline(data, socket), pipeline(socket, data)]);
  const failed = results.find((result) => result.status === 'rejected');
  socket.destroy();
  if (failed !== undefined && !data.destroyed) data.destroy();
  if (failed === undefined) error.end();
  else error.end(`error forwarding port ${port} to pod ${pod.name}: ${String(failed.reason)}`);
}
