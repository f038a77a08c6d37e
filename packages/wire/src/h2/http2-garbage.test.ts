// Thousands of frames that make little or no sense, against both ends: nothing is thrown, nothing hangs, and what goes on answers still.
// The seed is fixed; a failure names the round.
import { describe, expect, test } from 'vitest';
import { data, frame, headers, u32 } from '../testing/hbone-frames.ts';
import { clientRig, get, requestLines, serverRig, settle, statusOf, Told } from '../testing/http2-rig.ts';
import { encodeHeaders } from './hpack-encoder.ts';
import { frameType } from './protocol.ts';

/** A small generator of numbers below `n` (mulberry32). */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const rounds = 200;
const framesPerRound = 50;

function anyFrame(pick: (n: number) => number, stream: number): Buffer {
  const noise = Buffer.from(Array.from({ length: pick(40) }, () => pick(256)));
  switch (pick(8)) {
    case 0:
      return headers(
        stream,
        requestLines({ ':method': pick(2) === 0 ? 'GET' : 'POST' }, ['content-length', String(pick(20))]),
        pick(3) === 0,
      );
    case 1:
      return headers(
        stream,
        [
          [':status', String(100 + pick(500))],
          ['a', noise.toString('latin1')],
        ],
        pick(3) === 0,
      );
    case 2:
      return data(stream, noise, pick(4) === 0);
    case 3:
      return frame(frameType.reset, 0, stream, u32(pick(16)));
    case 4:
      return frame(frameType.windowUpdate, 0, pick(2) * stream, u32(pick(2 ** 20)));
    case 5:
      return frame(frameType.headers, 4 | pick(64), stream, pick(2) === 0 ? noise : Buffer.concat([encodeHeaders(requestLines()), noise]));
    case 6:
      return frame(
        frameType.settings,
        pick(2),
        0,
        Buffer.concat(Array.from({ length: pick(3) }, () => Buffer.from([0, pick(9), 0, pick(4), pick(256), pick(256)]))),
      );
    default:
      return frame(pick(14), pick(256), pick(4) === 0 ? 0 : stream, noise);
  }
}

describe('10,000 random frames', () => {
  test('at a server', async () => {
    const pick = chance(20_260_731);
    for (let round = 0; round < rounds; round++) {
      const { peer, server, requests, closed } = serverRig((request) => {
        const told = new Told();
        request.receive(told);
        if (pick(3) === 0) request.abort();
        else {
          request.respond({ status: 200, headers: [] }, false);
          request.write(Buffer.from('x'));
          if (pick(2) === 0) request.end([['a', 'b']]);
        }
      });
      for (let i = 0; i < framesPerRound; i++) peer.send(anyFrame(pick, 2 * Math.floor(i / 4) + 1));
      await settle();
      if (peer.goAwayCode === undefined) {
        peer.send(headers(9_999, requestLines(), true));
        await settle();
        expect([
          round,
          peer.goAwayCode !== undefined || statusOf(peer, 9_999) !== undefined || peer.resetCode(9_999) !== undefined,
        ]).toEqual([round, true]);
      }
      server.destroy();
      expect([round, server.active, closed.length]).toEqual([round, 0, 1]);
      expect(requests.every(({ head }) => head.path === '/')).toBe(true);
    }
  });

  test('at a client', async () => {
    const pick = chance(7);
    for (let round = 0; round < rounds; round++) {
      const { peer, client } = clientRig();
      const tolds = Array.from({ length: 10 }, () => new Told());
      for (const told of tolds) client.request(get, pick(2) === 0, told);
      await settle();
      for (let i = 0; i < framesPerRound; i++) peer.send(anyFrame(pick, 2 * pick(10) + 1));
      await settle();
      client.destroy();
      expect([round, client.active]).toEqual([round, 0]);
      // Each was told exactly one ending, and nothing after it.
      for (const told of tolds) expect([told.calls.filter((c) => c === 'closed').length, told.calls.at(-1)]).toEqual([1, 'closed']);
    }
  });
});
