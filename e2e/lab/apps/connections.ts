// The client half of the in-pod program: dials, talks and says exactly how a connection ended.
// Called by main.ts; the words of the outcome are defined in protocol.ts.
import { connect, type Socket } from 'node:net';
import type { CallOrder, CallReport, Endpoint, Outcome } from './protocol.ts';

const keptText = 65_536;
const defaultTimeoutMs = 5_000;

export function splitEndpoint(endpoint: Endpoint): { readonly host: string; readonly port: number } {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}

const joinEndpoint = (host: string | undefined, port: number | undefined): Endpoint =>
  host?.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** One connection and everything that it received; all waiting is on `#changed`. */
export class Connection {
  readonly #socket: Socket;
  #connected = false;
  #text = '';
  #bytes = 0;
  #ended: { readonly outcome: Outcome; readonly code?: string } | undefined;
  #changed: (() => void)[] = [];
  /** Bytes already reported by an earlier exchange. */
  #taken = 0;

  constructor(to: Endpoint) {
    this.#socket = connect({ ...splitEndpoint(to), allowHalfOpen: true, noDelay: true });
    this.#socket.on('connect', () => {
      this.#connected = true;
      this.#notify();
    });
    this.#socket.on('data', (chunk) => {
      this.#bytes += chunk.length;
      if (this.#text.length < keptText) this.#text += chunk.toString('latin1');
      this.#notify();
    });
    this.#socket.on('end', () => this.#finish({ outcome: 'closed' }));
    this.#socket.on('error', (e: NodeJS.ErrnoException) => {
      this.#finish({ outcome: this.#connected ? 'reset' : 'not-connected', code: e.code ?? e.message });
    });
    this.#socket.on('close', () => this.#finish({ outcome: 'closed' }));
  }

  get local(): Endpoint {
    return joinEndpoint(this.#socket.localAddress, this.#socket.localPort);
  }

  /** False when it failed or the time ran out. */
  async connected(timeoutMs: number): Promise<boolean> {
    await this.#until(() => this.#connected || this.#ended !== undefined, timeoutMs);
    return this.#connected && this.#ended?.outcome !== 'not-connected';
  }

  async exchange(order: Omit<CallOrder, 'to'>): Promise<CallReport> {
    const timeoutMs = order.timeoutMs ?? defaultTimeoutMs;
    const until = order.until ?? Number.POSITIVE_INFINITY;
    const from = this.#taken;
    await this.connected(timeoutMs);
    if (order.send !== undefined && this.#connected) this.#socket.write(order.send, 'latin1');
    if (order.end === true && this.#connected) this.#socket.end();
    await this.#until(() => this.#bytes - from >= until || this.#ended !== undefined, timeoutMs);
    this.#taken = this.#bytes;
    const bytes = this.#bytes - from;
    return {
      outcome: this.#outcome(bytes, until),
      text: this.#text.slice(from),
      bytes,
      local: this.local,
      ...(this.#ended?.code === undefined ? {} : { code: this.#ended.code }),
    };
  }

  #outcome(bytes: number, until: number): Outcome {
    if (bytes >= until) return 'answered';
    if (this.#ended === undefined) return this.#connected ? 'silent' : 'not-connected';
    if (this.#ended.outcome === 'closed' && bytes > 0 && until === Number.POSITIVE_INFINITY) return 'answered';
    return this.#ended.outcome;
  }

  /** How the peer ended the connection; `silent` when it has not. */
  async ended(timeoutMs: number): Promise<Outcome> {
    await this.#until(() => this.#ended !== undefined, timeoutMs);
    return this.#ended?.outcome ?? 'silent';
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #finish(how: { readonly outcome: Outcome; readonly code?: string }): void {
    this.#ended ??= how;
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }

  async #until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!holds()) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

export async function call(order: CallOrder): Promise<CallReport> {
  const connection = new Connection(order.to);
  const report = await connection.exchange(order);
  connection.close();
  return report;
}
