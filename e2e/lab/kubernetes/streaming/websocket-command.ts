// Exec and attach over a WebSocket, subprotocols v4 and v5.channel.k8s.io: each message is for the channel that its first byte names.
// Called by serve-stream.ts. v5 adds a message that closes a channel: how a client says that its input has ended.
import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { CommandOrder, PodPort } from './pod-port.ts';
import { type CommandChannels, type CommandKind, connectCommand, SizeReader } from './remote-command.ts';

export const commandProtocols: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export function serveCommandOverWebSocket(socket: WebSocket, pod: PodPort, kind: CommandKind, order: CommandOrder): Promise<void> {
  const gone = new AbortController();
  let resize: SizeReader | undefined;
  const stdin = order.stdin ? new Readable({ read: () => socket.resume() }) : undefined;
  socket.on('message', (message: RawData) => {
    const bytes = asBytes(message);
    const content = bytes.subarray(1);
    if (bytes[0] === channel.stdin && stdin?.push(content) === false) socket.pause();
    else if (bytes[0] === channel.resize) resize?.read(content);
    else if (bytes[0] === channel.close && content[0] === channel.stdin) stdin?.push(null);
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    stdin?.push(null);
    gone.abort();
  });
  const output = (to: number): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => socket.send(Buffer.concat([Buffer.of(to), chunk]), (e) => done(e)),
    }).on('error', () => socket.terminate());
  const channels: CommandChannels = {
    stdin,
    stdout: order.stdout ? output(channel.stdout) : undefined,
    stderr: order.stderr ? output(channel.stderr) : undefined,
    onResize: (listener) => {
      resize = new SizeReader(listener);
    },
    finish: (status) => {
      socket.send(Buffer.concat([Buffer.of(channel.error), Buffer.from(status)]));
      // What the client still says is of no use, but its goodbye is.
      stdin?.destroy();
      socket.resume();
      socket.close(1000);
    },
    gone: gone.signal,
  };
  return connectCommand(pod, kind, order, channels);
}

function asBytes(message: RawData): Buffer {
  if (Buffer.isBuffer(message)) return message;
  return Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message);
}
