// Ports of pods behind the test's API server (api-server.ts): port-forwards over WebSockets, answered by an HTTP handler that is told pod and port.
// The lab forwards to real pods; this is for tests of what asks them.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** `pod`: `namespace/name`. Undefined: there is no such pod. */
export type PodPorts = (pod: string, port: number) => RequestListener | undefined;

const subprotocol = 'v4.channel.k8s.io';
const place = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/portforward$/;

/** `onRequest` is called for each that asks for a stream. */
export function servePodPorts(api: Server, ports: PodPorts, onRequest: (request: IncomingMessage) => void): Disposable {
  const websockets = new WebSocketServer({ noServer: true, handleProtocols: () => subprotocol });
  const handled = new Set<WebSocket>();
  api.on('upgrade', (request, socket, head) => {
    onRequest(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const [, namespace, name] = place.exec(pathname) ?? [];
    const port = Number(searchParams.get('ports'));
    const handler = ports(`${namespace}/${name}`, port);
    if (handler === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      handled.add(websocket);
      createServer(handler).emit('connection', channels(websocket, port));
    });
  });
  return {
    [Symbol.dispose]: () => {
      for (const each of handled) each.terminate();
    },
  };
}

/** The one port of a WebSocket as a stream of bytes. */
function channels(websocket: WebSocket, port: number): Duplex {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  for (const channel of [0, 1]) websocket.send(Buffer.concat([Buffer.of(channel), number]));
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => websocket.send(Buffer.concat([Buffer.of(0), chunk]), done),
    final: (done) => {
      websocket.close();
      done();
    },
    destroy: (e, done) => {
      websocket.close();
      done(e);
    },
  });
  websocket.on('message', (message: Buffer) => stream.push(message.subarray(1)));
  websocket.on('error', () => stream.destroy());
  websocket.on('close', () => stream.destroy());
  return stream;
}
