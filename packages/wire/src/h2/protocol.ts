// The numbers of RFC 9113, and the one exception that a broken rule raises inside a session.
// Shared by every file of this folder. Pure.

export const frameHeaderBytes = 9;
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const defaultWindowBytes = 65_535;
export const defaultFrameBytes = 16_384;
export const maxWindowBytes = 2 ** 31 - 1;
export const maxStreamId = 2 ** 31 - 1;

/** RFC 9113 §6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 §7. */
export const errorCode = {
  noError: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

const names = new Map<number, string>(
  Object.entries(errorCode).map(([name, code]) => [code, name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()]),
);

/** `ENHANCE_YOUR_CALM`, or the number when the RFC names none. */
export const errorName = (code: number): string => names.get(code) ?? `error ${code}`;

/** The peer broke a rule that concerns the whole connection. Caught by the session, which answers with GOAWAY(code) and closes. */
export class Violation extends Error {
  readonly h2: number;

  constructor(h2: number, text: string) {
    super(text);
    this.h2 = h2;
  }
}
