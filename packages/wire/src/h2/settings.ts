// The SETTINGS of both ends: what we announce (facts: ztunnel §2.3) and what we heed of the peer's.
// Used by session.ts. Pure.
import { defaultFrameBytes, defaultWindowBytes, errorCode, maxWindowBytes, Violation } from './protocol.ts';

/** What we announce, and what we allow ourselves. */
export interface H2Settings {
  /** How much a peer may send on one stream before we have passed it on; every stream begins with at most `firstWindowBytes` of it. */
  readonly streamWindowBytes: number;
  /** The same for all streams of a connection together. */
  readonly connectionWindowBytes: number;
  /** Largest frame that we accept: 16,384 to 16,777,215. */
  readonly frameBytes: number;
  /** Names, values and 32 for each entry (RFC 9113 §6.5.2). */
  readonly headerListBytes: number;
  /** Streams that the peer may have open; Infinity announces nothing (what a client does: nobody opens streams towards it). */
  readonly concurrentStreams: number;
}

const common = { streamWindowBytes: 4 * 1024 * 1024, connectionWindowBytes: 16 * 1024 * 1024, frameBytes: 1024 * 1024 } as const;
export const clientSettings: H2Settings = { ...common, headerListBytes: 16 * 1024, concurrentStreams: Number.POSITIVE_INFINITY };
export const serverSettings: H2Settings = { ...common, headerListBytes: 64 * 1024, concurrentStreams: 200 };
/** For HTTP: a stream passes on more slowly than a tunnel as a rule, and its head may be larger. */
const http = { ...common, streamWindowBytes: 1024 * 1024, connectionWindowBytes: 4 * 1024 * 1024, headerListBytes: 64 * 1024 } as const;
export const httpClientSettings: H2Settings = { ...http, concurrentStreams: Number.POSITIVE_INFINITY };
export const httpServerSettings: H2Settings = { ...http, concurrentStreams: 100 };

/**
 * What streams begin with. A consumer that keeps up earns more, twice as much each time; one that never reads holds no more than this, so
 * that even a hundred of them on one connection stay below what it may hold (receive-window.ts) and stop nobody else.
 */
export const firstWindowBytes = 256 * 1024;

const id = { headerTable: 1, enablePush: 2, concurrentStreams: 3, initialWindow: 4, frameSize: 5, headerList: 6 } as const;

/** The payload of our SETTINGS frame. */
export function encodeSettings(settings: H2Settings, role: 'client' | 'server'): Buffer {
  const entries: [number, number][] = [
    [id.initialWindow, Math.min(settings.streamWindowBytes, firstWindowBytes)],
    [id.frameSize, settings.frameBytes],
    [id.headerList, settings.headerListBytes],
  ];
  if (role === 'client') entries.unshift([id.enablePush, 0]);
  if (Number.isFinite(settings.concurrentStreams)) entries.unshift([id.concurrentStreams, settings.concurrentStreams]);
  const payload = Buffer.alloc(entries.length * 6);
  entries.forEach(([key, value], i) => {
    payload.writeUInt16BE(key, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return payload;
}

/** What the peer allows us; the RFC's initial values until its first SETTINGS. */
export interface PeerSettings {
  readonly streamWindowBytes: number;
  readonly frameBytes: number;
  readonly concurrentStreams: number;
  readonly headerListBytes: number;
}

export const initialPeerSettings: PeerSettings = {
  streamWindowBytes: defaultWindowBytes,
  frameBytes: defaultFrameBytes,
  concurrentStreams: Number.POSITIVE_INFINITY,
  headerListBytes: Number.POSITIVE_INFINITY,
};

/** `before` with the entries of one SETTINGS payload applied in order; unknown ones are ignored. Our encoder needs no header table. */
export function applySettings(before: PeerSettings, payload: Buffer): PeerSettings {
  const after = { ...before };
  for (let at = 0; at < payload.length; at += 6) {
    const value = payload.readUInt32BE(at + 2);
    switch (payload.readUInt16BE(at)) {
      case id.enablePush:
        if (value > 1) throw new Violation(errorCode.protocol, `ENABLE_PUSH is ${value}`);
        break;
      case id.concurrentStreams:
        after.concurrentStreams = value;
        break;
      case id.initialWindow:
        if (value > maxWindowBytes) throw new Violation(errorCode.flowControl, `INITIAL_WINDOW_SIZE is ${value}`);
        after.streamWindowBytes = value;
        break;
      case id.frameSize:
        if (value < defaultFrameBytes || value > 0xffffff) throw new Violation(errorCode.protocol, `MAX_FRAME_SIZE is ${value}`);
        after.frameBytes = value;
        break;
      case id.headerList:
        after.headerListBytes = value;
        break;
      default:
        break;
    }
  }
  return after;
}
