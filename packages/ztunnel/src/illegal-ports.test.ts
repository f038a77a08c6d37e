// Which calls would loop through the tunnel itself.
// Beside illegal-ports.ts; the table is the reference's list of malicious calls, as far as addresses decide.
// The calls themselves are made in the end-to-end tests.
import { ip } from '@ambient-mesh/model/testing';
import { expect, test } from 'vitest';
import { illegalPorts, outboundLoop } from './illegal-ports.ts';

const ports = { outbound: 15001, inboundPlaintext: 15006, inboundHbone: 15008, socks5: 15080, readiness: 15021 };

test('the ports of the tunnel, and SOCKS5 only when it is on', () => {
  expect([...illegalPorts(ports, false)]).toEqual([15001, 15006, 15008]);
  expect([...illegalPorts(ports, true)]).toEqual([15001, 15006, 15008, 15080]);
});

const rows: readonly (readonly [to: string, port: number, loop: boolean])[] = [
  ['127.0.0.1', 15001, true],
  ['127.0.0.1', 15006, true],
  ['127.8.8.8', 15008, true],
  ['::1', 15008, true],
  ['127.0.0.1', 15053, false],
  ['127.0.0.1', 15080, false],
  ['127.0.0.1', 80, false],
  ['10.0.0.1', 15008, false],
  ['fd00::1', 15001, false],
];
test.each(rows)('%s port %s: %s', (to, port, loop) => {
  expect(outboundLoop(illegalPorts(ports, false), { ip: ip(to), port })).toBe(loop);
});
