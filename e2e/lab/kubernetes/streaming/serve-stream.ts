// A request for exec, attach or port-forward that wants to become a stream: chooses the protocol, answers the upgrade, hands over.
// Called by whoever routes such requests (the lab's API server, a kubelet's server). Errors before the upgrade are plain HTTP.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../status-error.ts';
import { channelPortForward, servePortForwardChannels } from './channel-port-forward.ts';
import type { PodPort } from './pod-port.ts';
import { portForwardProtocol, servePortForward } from './port-forward.ts';
import { readOrder } from './remote-command.ts';
import { SpdySession } from './spdy/session.ts';
import { SpdyCommand } from './spdy-command.ts';
import { commandProtocols, serveCommandOverWebSocket } from './websocket-command.ts';

export interface StreamRequest {
  readonly kind: 'exec' | 'attach' | 'portforward';
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** SPDY inside a WebSocket. */
const tunnelledPortForward = `SPDY/3.1+${portForwardProtocol}`;
const largestMessageBytes = 1 << 20;

/** @throws StatusError when the client speaks none of our protocols; the socket is then still the caller's. */
export function serveStream(stream: StreamRequest, pod: PodPort): void {
  const upgrade = stream.request.headers.upgrade?.toLowerCase();
  if (upgrade === 'websocket') overWebSocket(stream, pod);
  else if (upgrade === 'spdy/3.1') overSpdy(stream, pod);
  else throw badRequest(`unable to upgrade: unknown protocol ${JSON.stringify(upgrade ?? '')}`);
}

function overWebSocket({ kind, query, request, socket, head }: StreamRequest, pod: PodPort): void {
  const known = kind === 'portforward' ? [tunnelledPortForward, channelPortForward] : commandProtocols;
  const protocol = choose(known, request.headers['sec-websocket-protocol']);
  // Not left to the library: it refuses the name of the tunnel, which is no token of HTTP.
  delete request.headers['sec-websocket-protocol'];
  const server = new WebSocketServer({ noServer: true, maxPayload: largestMessageBytes });
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  server.handleUpgrade(request, socket, head, (websocket: WebSocket) => {
    if (protocol === channelPortForward && kind === 'portforward') servePortForwardChannels(websocket, pod, query);
    else if (kind === 'portforward') servePortForward(createWebSocketStream(websocket), pod);
    else void serveCommandOverWebSocket(websocket, pod, kind, readOrder(query));
  });
}

function overSpdy({ kind, query, request, socket, head }: StreamRequest, pod: PodPort): void {
  const known = kind === 'portforward' ? [portForwardProtocol] : commandProtocols;
  const protocol = choose(known, request.headers['x-stream-protocol-version']);
  const headers = ['Connection: Upgrade', 'Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${protocol}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  if (kind === 'portforward') {
    servePortForward(socket, pod);
    return;
  }
  const order = readOrder(query);
  const command = new SpdyCommand(order);
  const session = new SpdySession(socket, (each) => command.take(each));
  void command.serve(session, pod, kind, order);
}

/** The first of ours that the client offers. */
function choose(known: readonly string[], offered: string | string[] | undefined): string {
  const all = [offered ?? []].flat().flatMap((each) => each.split(',').map((name) => name.trim()));
  const chosen = known.find((name) => all.includes(name));
  if (chosen === undefined)
    throw badRequest(`unable to upgrade: none of the protocols ${JSON.stringify(all)} is known: ${JSON.stringify(known)} are`);
  return chosen;
}
