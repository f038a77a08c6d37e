// A ztunnel's end of the ZDS socket, driven by hand: a test takes each request and answers it as it likes, or leaves it to `serve`.
// For tests of zds/. Remembers what it was told, as a ztunnel would: that is what tests compare.
// The real end is wire/zds/client.ts.
import { closeSync, fstatSync } from 'node:fs';
import { SeqPacket } from '@ambient-mesh/host/seqpacket';
import { readRequest, writeAck, writeHello, type ZdsRequest } from '@ambient-mesh/wire/zds/codec';

export class HandZtunnel implements Disposable {
  readonly #socket: SeqPacket;
  readonly #over = new AbortController();
  /** Pods and the namespaces that came with them; `kept` for those without. */
  readonly pods = new Map<string, string>();
  /** In order: `add a`, `keep b`, `snapshot-sent`. */
  readonly heard: string[] = [];

  constructor(path: string) {
    this.#socket = SeqPacket.connect(path);
  }

  static async greeting(path: string): Promise<HandZtunnel> {
    const made = new HandZtunnel(path);
    await made.send(writeHello());
    return made;
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.#socket.send(bytes, this.#over.signal);
  }

  /** The next request, as `heard` has it; `closed` when the agent has hung up. */
  async next(): Promise<string> {
    const packet = await this.#socket.receive(this.#over.signal).catch(() => undefined);
    if (packet === undefined) return 'closed';
    const request = readRequest(packet.bytes, packet.fd === undefined ? 0 : 1);
    if ('unreadable' in request) throw new Error(request.unreadable);
    this.#remember(request, packet.fd);
    const text = 'uid' in request ? `${request.is} ${request.uid}` : request.is;
    this.heard.push(text);
    return text;
  }

  ack(error = ''): Promise<void> {
    return this.send(writeAck(error));
  }

  /** Takes and answers one request. */
  async take(error = ''): Promise<string> {
    const heard = await this.next();
    if (heard !== 'closed') await this.ack(error);
    return heard;
  }

  /** Takes and answers up to the end of the snapshot; resolves with all of it. */
  async snapshot(): Promise<readonly string[]> {
    const from = this.heard.length;
    for (let heard = ''; heard !== 'snapshot-sent' && heard !== 'closed'; ) heard = await this.take();
    return this.heard.slice(from);
  }

  /** Answers everything until the agent hangs up, or this end does. Never rejects. */
  async serve(): Promise<void> {
    try {
      while ((await this.take()) !== 'closed');
    } catch {
      // Hung up while answering.
    }
  }

  #remember(request: ZdsRequest, fd: number | undefined): void {
    if (fd !== undefined) {
      if (request.is === 'add') this.pods.set(request.uid, identify(fd));
      closeSync(fd);
    }
    if (request.is === 'keep') this.pods.set(request.uid, 'kept');
    if (request.is === 'del') this.pods.delete(request.uid);
  }

  [Symbol.dispose](): void {
    this.#over.abort(new Error('hung up'));
    this.#socket[Symbol.dispose]();
  }
}

function identify(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
