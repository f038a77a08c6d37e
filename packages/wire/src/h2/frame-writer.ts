// Puts the frames other than DATA into the output (RFC 9113 §6).
// Called by session.ts and incoming.ts. Knows no state: what may be sent when is theirs to know.
import type { Output } from './output.ts';
import { flag, frameType } from './protocol.ts';

/** HEADERS, and CONTINUATION as long as the block exceeds the peer's frames. */
export function writeHeaders(output: Output, stream: number, block: Buffer, options: { endStream: boolean; frameBytes: number }): void {
  let at = 0;
  do {
    const part = block.subarray(at, at + options.frameBytes);
    const last = at + part.length >= block.length ? flag.endHeaders : 0;
    const end = at === 0 && options.endStream ? flag.endStream : 0;
    const to = output.frame(at === 0 ? frameType.headers : frameType.continuation, last | end, stream, part.length);
    part.copy(output.staging, to);
    at += part.length;
  } while (at < block.length);
}

/** An empty DATA frame: half-close. Needs no window. */
export function writeEnd(output: Output, stream: number): void {
  output.frame(frameType.data, flag.endStream, stream, 0);
}

export function writeReset(output: Output, stream: number, code: number): void {
  const at = output.frame(frameType.reset, 0, stream, 4);
  output.staging.writeUInt32BE(code, at);
}

export function writeWindowUpdate(output: Output, stream: number, bytes: number): void {
  const at = output.frame(frameType.windowUpdate, 0, stream, 4);
  output.staging.writeUInt32BE(bytes, at);
}

export function writeSettings(output: Output, payload: Buffer): void {
  const at = output.frame(frameType.settings, 0, 0, payload.length);
  payload.copy(output.staging, at);
}

export function writeSettingsAck(output: Output): void {
  output.frame(frameType.settings, flag.ack, 0, 0);
}

/** `payload`: 8 octets. */
export function writePing(output: Output, payload: Buffer, ack: boolean): void {
  const at = output.frame(frameType.ping, ack ? flag.ack : 0, 0, 8);
  payload.copy(output.staging, at);
}

/** `text` is for the peer's log; cut to 256 octets. */
export function writeGoAway(output: Output, lastStream: number, code: number, text: string): void {
  const debug = Buffer.from(text, 'latin1').subarray(0, 256);
  const at = output.frame(frameType.goAway, 0, 0, 8 + debug.length);
  const { staging } = output;
  staging.writeUInt32BE(lastStream, at);
  staging.writeUInt32BE(code, at + 4);
  debug.copy(staging, at + 8);
}
