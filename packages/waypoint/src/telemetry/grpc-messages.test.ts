// Counting gRPC messages, however their octets are cut.
import { frame } from '@ambient-mesh/wire/grpc/framing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MessageCounter } from './grpc-messages.ts';

test('each message counts once, whatever its length and however the octets come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
      (messages, cuts) => {
        const octets = Buffer.concat(messages.map((message) => frame(message)));
        const counter = new MessageCounter();
        for (let [at, turn] = [0, 0]; at < octets.length; turn++) {
          const next = at + (cuts[turn % cuts.length] ?? 1);
          counter.push(octets.subarray(at, next));
          at = next;
        }
        expect(counter.count).toBe(messages.length);
      },
    ),
  );
});

test('a length that nobody keeps costs nothing', () => {
  const counter = new MessageCounter();
  counter.push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  expect(counter.count).toBe(1);
});
