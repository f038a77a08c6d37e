// One connection to a port of a pod, through the API server: a WebSocket of the subprotocol v4.channel.k8s.io, seen as a stream of bytes.
// Opened by KubeClient.portForward, which knows credentials. For questions and answers of moderate size: half-closes cannot be told, and what
// the reader leaves unread is held in memory up to a limit.
import { Duplex } from 'node:stream';
import { type Dispatcher, WebSocket } from 'undici';

export interface ForwardTarget {
  /** `wss://…/portforward?ports=15000` */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

const subprotocol = 'v4.channel.k8s.io';
/** The only port's two channels: bytes, and what is wrong with the pod's end. */
const channel = { data: 0, error: 1 } as const;
/** Each channel begins with the port's number. */
const prefixBytes = 2;
const mostUnreadBytes = 256 * 1024 * 1024;

/** Rejects when the server does not agree; it does not say why. The signal gives up opening only: destroy the stream to end it. */
export async function openForward({ url, headers, dispatcher }: ForwardTarget, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const socket = new WebSocket(url, { protocols: [subprotocol], headers, dispatcher });
  socket.binaryType = 'arraybuffer';
  const stream = new ForwardStream(socket);
  const opened = Promise.withResolvers<void>();
  const giveUp = (): void => opened.reject(signal.reason);
  socket.addEventListener('open', () => opened.resolve());
  stream.once('error', (e) => opened.reject(e));
  stream.once('close', () => opened.reject(new Error('the connection was closed while it was opened')));
  signal.addEventListener('abort', giveUp);
  try {
    await opened.promise;
    return stream;
  } catch (e) {
    stream.on('error', () => {}).destroy();
    throw e;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

class ForwardStream extends Duplex {
  readonly #socket: WebSocket;
  /** Bytes of each channel's prefix that are still to come. */
  readonly #prefixLeft: [number, number] = [prefixBytes, prefixBytes];
  #complaint = '';

  constructor(socket: WebSocket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(data));
    socket.addEventListener('error', ({ message, error }) => this.destroy(new Error(message || 'the WebSocket broke', { cause: error })));
    socket.addEventListener('close', () => {
      if (this.#complaint === '') this.push(null);
      else this.destroy(new Error(this.#complaint));
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (e?: Error) => void): void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      done(new Error('the connection to the pod is closed'));
      return;
    }
    this.#socket.send(Buffer.concat([Buffer.of(channel.data), chunk]));
    done();
  }

  override _destroy(e: Error | null, done: (e: Error | null) => void): void {
    this.#socket.close();
    done(e);
  }

  #take(message: unknown): void {
    if (!(message instanceof ArrayBuffer) || message.byteLength === 0) return;
    const bytes = Buffer.from(message);
    const from = bytes[0];
    if (from !== channel.data && from !== channel.error) return;
    const skipped = Math.min(this.#prefixLeft[from], bytes.length - 1);
    this.#prefixLeft[from] -= skipped;
    const content = bytes.subarray(1 + skipped);
    if (content.length === 0) return;
    if (from === channel.data) this.push(content);
    else this.#complain(content.toString('utf8'));
    if (this.readableLength > mostUnreadBytes) this.destroy(new Error('the pod sends more than anybody reads'));
  }

  /** A complaint ends the connection: nothing comes after it that could be of use. */
  #complain(text: string): void {
    this.#complaint = text.trim().slice(0, 500);
    this.destroy(new Error(this.#complaint));
  }
}
