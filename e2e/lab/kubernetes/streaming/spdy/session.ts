// The server's end of a SPDY/3.1 connection: streams that the client opens, as Node streams.
// Used by spdy-command.ts and port-forward.ts over a socket or a WebSocket. No flow control, as in Kubernetes' own: a stream that is
// not read holds up its whole session, so that nothing piles up.
import { Duplex } from 'node:stream';
import { dataFrame, type Frame, FrameReader, goaway, largestFrameBytes, ping, resetStatus, rstStream, synReply } from './frames.ts';
import { HeaderBlocks, type Headers } from './header-block.ts';

/** At once, in one session. */
const mostStreams = 512;

interface StreamPorts {
  readonly send: (frame: Buffer, sent?: (why?: Error | null) => void) => void;
  readonly resume: (stream: SpdyStream) => void;
  readonly forget: (stream: SpdyStream) => void;
}

/** Ended by both sides it is gone; destroyed before, the client is told by a reset. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #ports: StreamPorts;

  constructor(id: number, headers: Headers, ports: StreamPorts) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#ports = ports;
    // Streams fail with their session: that alone must not end the process.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#ports.resume(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (why?: Error | null) => void): void {
    let rest = chunk;
    for (; rest.length > largestFrameBytes; rest = rest.subarray(largestFrameBytes))
      this.#ports.send(dataFrame(this.id, rest.subarray(0, largestFrameBytes)));
    this.#ports.send(dataFrame(this.id, rest), done);
  }

  override _final(done: (why?: Error | null) => void): void {
    this.#ports.send(dataFrame(this.id, Buffer.alloc(0), true), done);
  }

  override _destroy(why: Error | null, done: (why?: Error | null) => void): void {
    if (!this.readableEnded || !this.writableFinished) this.#ports.send(rstStream(this.id, resetStatus.cancel));
    this.#ports.forget(this);
    done(why);
  }
}

export class SpdySession {
  readonly #transport: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #blocks = new HeaderBlocks();
  readonly #streams = new Map<number, SpdyStream>();
  /** Streams whose readers are behind. */
  readonly #full = new Set<SpdyStream>();
  readonly #gone = new AbortController();
  #lastStream = 0;
  #wake: () => void = () => {};

  /** Takes over the transport. */
  constructor(transport: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#transport = transport;
    this.#onStream = onStream;
    transport.on('error', () => transport.destroy()).on('close', () => this.#end());
    void this.#run()
      .catch(() => {})
      .finally(() => transport.destroy());
  }

  /** Aborts when the connection has ended, from whichever side. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Says goodbye after everything that was written before. */
  close(): void {
    this.#send(goaway(this.#lastStream));
    this.#transport.end();
  }

  async #run(): Promise<void> {
    const reader = new FrameReader();
    for await (const chunk of this.#transport) {
      for (const frame of reader.read(chunk)) await this.#take(frame);
      while (this.#full.size > 0 && !this.#gone.signal.aborted) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  async #take(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'syn-stream':
        await this.#open(frame.stream, frame.fin, await this.#blocks.read(frame.block));
        break;
      case 'data':
        this.#deliver(frame.stream, frame.data, frame.fin);
        break;
      case 'headers':
      case 'syn-reply':
        // Read for what later blocks refer to.
        await this.#blocks.read(frame.block);
        break;
      case 'rst-stream':
        this.#streams.get(frame.stream)?.destroy();
        break;
      case 'ping':
        this.#send(ping(frame.id));
        break;
      case 'goaway':
      case 'ignored':
        break;
      default:
        frame satisfies never;
    }
  }

  #deliver(id: number, data: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#send(rstStream(id, resetStatus.invalidStream));
      return;
    }
    if (data.length > 0 && !stream.push(data)) this.#full.add(stream);
    if (fin) stream.push(null);
  }

  async #open(id: number, fin: boolean, headers: Headers): Promise<void> {
    if (id <= this.#lastStream || id % 2 === 0) throw new Error(`a SPDY stream with the number ${id}`);
    this.#lastStream = id;
    if (this.#streams.size >= mostStreams) {
      this.#send(rstStream(id, resetStatus.refused));
      return;
    }
    const stream = new SpdyStream(id, headers, {
      send: (frame, sent) => this.#send(frame, sent),
      resume: (each) => this.#resume(each),
      forget: (each) => {
        this.#streams.delete(each.id);
        this.#resume(each);
      },
    });
    this.#streams.set(id, stream);
    this.#send(synReply(id, await this.#blocks.write(new Map())));
    if (fin) stream.push(null);
    this.#onStream(stream);
  }

  #resume(stream: SpdyStream): void {
    this.#full.delete(stream);
    this.#wake();
  }

  #send(frame: Buffer, sent: (why?: Error | null) => void = () => {}): void {
    if (this.#transport.writable) this.#transport.write(frame, sent);
    else sent(new Error('the SPDY connection has ended'));
  }

  #end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    for (const stream of this.#streams.values()) stream.destroy();
    this.#wake();
    this.#blocks[Symbol.dispose]();
  }
}
