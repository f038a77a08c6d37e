// Port-forwarding over a plain WebSocket, subprotocol v4.channel.k8s.io: two channels for each port that the query names, bytes and complaints.
// Called by serve-stream.ts; clients that speak no SPDY use it. One connection for each port, for as long as the WebSocket is open.
import type { RawData, WebSocket } from 'ws';
import type { PodPort } from './pod-port.ts';

export const channelPortForward = 'v4.channel.k8s.io';

export function servePortForwardChannels(socket: WebSocket, pod: PodPort, query: URLSearchParams): void {
  const ports = [...query.getAll('ports'), ...query.getAll('port')].flatMap((each) => each.split(',')).map(Number);
  const send = (channel: number, bytes: Uint8Array): void => socket.send(Buffer.concat([Buffer.of(channel), bytes]), () => {});
  const ends = ports.map((port, at) => {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    const [data, error] = [2 * at, 2 * at + 1];
    send(data, number);
    send(error, number);
    const end = pod.connect(port);
    end.on('data', (chunk: Buffer) => send(data, chunk));
    end.on('error', (e) => send(error, Buffer.from(`error forwarding port ${port} to pod ${pod.name}: ${e.message}`)));
    // The protocol knows no end of one port: the last one ends it all.
    end.on('close', () => {
      if (ends.every(({ destroyed }) => destroyed)) socket.close(1000);
    });
    end.on('end', () => end.end());
    return end;
  });
  socket.on('message', (message: RawData) => {
    const bytes = Buffer.isBuffer(message) ? message : Buffer.concat(Array.isArray(message) ? message : [Buffer.from(message)]);
    ends[(bytes[0] ?? 1) / 2]?.write(bytes.subarray(1));
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const end of ends) end.destroy();
  });
}
