// Many connections of random sizes with random half-closes, hashed at both ends, so that a byte lost, doubled or reordered anywhere shows.
// The client sends one line of JSON, then its bytes; the server answers with its own. Who may close first is drawn by chance.
// Called by main.ts; compared by the test, which asks both ends.
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { splitEndpoint } from './connections.ts';
import type { HalfReport, StormOrder, StormReport } from './protocol.ts';

interface Opening {
  readonly id: string;
  /** Bytes that the server sends. */
  readonly down: number;
  readonly paceMs: number;
  /** The server closes its side only after the client's FIN. */
  readonly serverHolds: boolean;
}

const noise = randomBytes(1 << 20);
const pieceBytes = 32_768;
const idleLimitMs = 30_000;

/** Deterministic chance (mulberry32), so that a failing storm can be repeated by its seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sends `bytes` of noise, spread over `paceMs`, respecting back-pressure. */
async function pour(socket: Socket, bytes: number, paceMs: number): Promise<HalfReport> {
  const hash = createHash('sha1');
  const pieces = Math.max(1, Math.ceil(bytes / pieceBytes));
  for (let sent = 0; sent < bytes; ) {
    const from = (sent * 31) % (noise.length - pieceBytes);
    const piece = noise.subarray(from, from + Math.min(pieceBytes, bytes - sent));
    hash.update(piece);
    sent += piece.length;
    if (!socket.write(piece)) await drained(socket);
    if (paceMs > 0) await sleep(paceMs / pieces);
  }
  return { bytes, sha1: hash.digest('hex') };
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (): void => reject(socket.errored ?? new Error('closed while sending'));
    if (socket.destroyed) return failed();
    socket.once('close', failed);
    socket.once('drain', () => {
      socket.off('close', failed);
      resolve();
    });
  });

/** Resolves at FIN with what came; rejects on reset or when nothing moves for 30 s. */
function swallow(socket: Socket, onChunk: (chunk: Buffer) => Buffer = (c) => c): Promise<HalfReport> {
  const hash = createHash('sha1');
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.on('data', (raw: Buffer) => {
      const chunk = onChunk(raw);
      hash.update(chunk);
      bytes += chunk.length;
    });
    socket.setTimeout(idleLimitMs, () => socket.destroy(new Error(`nothing moved for ${idleLimitMs} ms after ${bytes} bytes`)));
    socket.once('end', () => resolve({ bytes, sha1: hash.digest('hex') }));
    socket.once('close', () => reject(socket.errored ?? new Error(`closed without FIN after ${bytes} bytes`)));
  });
}

async function oneConnection(order: StormOrder, id: string, random: () => number): Promise<StormReport> {
  const size = (): number => Math.floor(order.maxBytes ** random());
  const [up, down, first] = [size(), size(), random()];
  const paceMs = random() < 0.5 ? 0 : random() * order.paceMs;
  const opening: Opening = { id, down, paceMs, serverHolds: first < 0.33 };
  const socket = connect({ ...splitEndpoint(order.to), allowHalfOpen: true, noDelay: true });
  socket.on('error', () => {});
  let sent: HalfReport = { bytes: -1, sha1: '' };
  let received: HalfReport = { bytes: -1, sha1: '' };
  try {
    socket.write(`${JSON.stringify(opening)}\n`);
    const answer = swallow(socket);
    const question = pour(socket, up, paceMs).then(async (half) => {
      if (first > 0.67) await answer;
      socket.end();
      return half;
    });
    [sent, received] = await Promise.all([question, answer]);
    return { id, sent, received, end: 'ok' };
  } catch (e) {
    return { id, sent, received, end: `client: ${e instanceof Error ? e.message : String(e)}` };
  } finally {
    socket.destroySoon();
  }
}

export async function storm(order: StormOrder): Promise<readonly StormReport[]> {
  const random = seeded(order.seed);
  const running: Promise<StormReport>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < order.connections; n++) {
    const wait = (n * order.spreadMs) / order.connections - (performance.now() - startedAt);
    if (wait > 0) await sleep(wait);
    running.push(oneConnection(order, `${order.seed}-${n}`, seeded(Math.floor(random() * 2 ** 32))));
  }
  return Promise.all(running);
}

/** The server's side of one connection; reports when both directions have ended. */
export async function stormServer(socket: Socket, report: (report: StormReport) => void): Promise<void> {
  let line = '';
  let opening: Opening | undefined;
  let sending: Promise<HalfReport> | undefined;
  const received = swallow(socket, (chunk) => {
    if (opening !== undefined) return chunk;
    const newline = chunk.indexOf(10);
    line += chunk.subarray(0, newline < 0 ? chunk.length : newline).toString('latin1');
    if (newline < 0) return chunk.subarray(chunk.length);
    opening = JSON.parse(line) as Opening;
    sending = answer(socket, opening, received);
    sending.catch(() => {});
    return chunk.subarray(newline + 1);
  });
  try {
    const up = await received;
    const down = (await sending) ?? { bytes: -1, sha1: '' };
    report({ id: opening?.id ?? '?', sent: down, received: up, end: 'ok' });
  } catch (e) {
    socket.destroy();
    const nothing = { bytes: -1, sha1: '' };
    report({ id: opening?.id ?? '?', sent: nothing, received: nothing, end: `server: ${e instanceof Error ? e.message : String(e)}` });
  }
}

async function answer(socket: Socket, opening: Opening, received: Promise<HalfReport>): Promise<HalfReport> {
  const half = await pour(socket, opening.down, opening.paceMs);
  if (opening.serverHolds) await received;
  socket.end();
  return half;
}
