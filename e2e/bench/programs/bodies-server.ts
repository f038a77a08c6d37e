// An HTTP/1.1 server for large bodies that does as little as can be: `GET /N` is answered with N octets, a body that is sent is counted and thrown away.
// Started with a port. Keeps connections; answers a body only when all of it has come.
import { createServer, type Socket } from 'node:net';

const filler = Buffer.alloc(1 << 20, 'x');

/** One connection: a request at a time. */
class Conversation {
  readonly #socket: Socket;
  /** Of a head that has only begun. */
  #head = '';
  /** Octets of the request's body that are still to come. */
  #missing = 0;
  /** Octets of the answer that are still to be written. */
  #owed = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#write());
    socket.on('error', () => socket.destroy());
  }

  #read(chunk: Buffer): void {
    if (this.#missing > 0) {
      this.#missing -= chunk.length;
      if (this.#missing === 0) this.#answer(0);
      return;
    }
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
    const asked = Number(/^GET \/(\d+)/.exec(this.#head)?.[1] ?? 0);
    this.#missing = length - (this.#head.length - end - 4);
    this.#head = '';
    if (this.#missing === 0) this.#answer(asked);
  }

  #answer(octets: number): void {
    this.#socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${octets}\r\n\r\n`);
    this.#owed = octets;
    this.#write();
  }

  #write(): void {
    while (this.#owed > 0) {
      const part = this.#owed < filler.length ? filler.subarray(0, this.#owed) : filler;
      this.#owed -= part.length;
      if (!this.#socket.write(part)) return;
    }
  }
}

createServer((socket) => void new Conversation(socket.setNoDelay(true))).listen(Number(process.argv[2]), '::');
