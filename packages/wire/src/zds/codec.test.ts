// ZDS on the wire: what each message looks like, and that nothing an agent or a tunnel sends makes the decoders throw.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAck, readHello, readRequest, writeAck, writeHello, writeRequest, type ZdsRequest } from './codec.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pod = { name: 'p', namespace: 'n', serviceAccount: 's' };

const requests: readonly (readonly [name: string, request: ZdsRequest, descriptors: number, bytes: string])[] = [
  ['add carries the pod', { is: 'add', uid: 'u', pod }, 1, `0a0e${'0a0175'}1209${'0a0170'}${'12016e'}${'1a0173'}`],
  ['add without workload info is readable: the session refuses it', { is: 'add', uid: 'u' }, 1, '0a030a0175'],
  ['del has its uid in field 2', { is: 'del', uid: 'u' }, 0, '1203120175'],
  ['snapshot-sent is empty', { is: 'snapshot-sent' }, 0, '1a00'],
  ['keep is field 5', { is: 'keep', uid: 'u' }, 0, '2a030a0175'],
];

describe('requests', () => {
  test.each(requests)('%s', (_name, request, descriptors, bytes) => {
    expect(hex(writeRequest(request))).toBe(bytes);
    expect(readRequest(Buffer.from(bytes, 'hex'), descriptors)).toEqual(request);
  });

  test.each(requests)('%s: another number of descriptors is refused', (_name, request, descriptors) => {
    const wrong = descriptors === 1 ? [0, 2] : [1];
    for (const count of wrong) expect(readRequest(writeRequest(request), count)).toHaveProperty('unreadable');
  });

  test('an empty payload is refused', () => {
    expect(readRequest(new Uint8Array(), 0)).toEqual({ unreadable: 'a request without payload' });
  });
});

test('hello says version 1', () => {
  expect(hex(writeHello())).toBe('0801');
  expect(readHello(writeHello())).toEqual({ version: 1 });
});

describe('acknowledgements', () => {
  test.each([
    ['success is an empty ack', '', '0a00'],
    ['failure carries its text', 'no', '0a040a026e6f'],
  ])('%s', (_name, error, bytes) => {
    expect(hex(writeAck(error))).toBe(bytes);
    expect(readAck(Buffer.from(bytes, 'hex'))).toEqual({ error });
  });

  test('a text of any length and script fits a packet', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 3_000 }), (text) => {
        const packet = writeAck(text);
        expect(packet.length).toBeLessThanOrEqual(1_024);
        expect(readAck(packet)).toHaveProperty('error');
      }),
    );
  });
});

test('no bytes make a decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_024 }), fc.nat(3), (bytes, descriptors) => {
      readRequest(bytes, descriptors);
      readAck(bytes);
      readHello(bytes);
    }),
  );
});

test('a cut-off request is refused, or is a shorter request; it never throws', () => {
  fc.assert(
    fc.property(fc.constantFrom(...requests), fc.nat(40), ([, request, descriptors], cut) => {
      const whole = writeRequest(request);
      readRequest(whole.subarray(0, Math.min(cut, whole.length)), descriptors);
    }),
  );
});
