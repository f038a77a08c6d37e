// Which calls would loop through the tunnel itself.
// Beside illegal-ports.ts; the table is the reference's list of malicious calls, as far as addresses decide.
// The calls themselves are made in the end-to-end tests.
import type { SocketAddress } from '@ambient-mesh/model/address';
import { ip } from '@ambient-mesh/model/testing';
import { expect, test } from 'vitest';
import { illegalPorts, outboundLoop } from './illegal-ports.ts';

const ports = { outbound: 15001, inboundPlaintext: 15006, inboundHbone: 15008, socks5: 15080, readiness: 15021 };

test('the ports of the tunnel, and SOCKS5 only when it is on', () => {
  expect([...illegalPorts(ports, false)]).toEqual([15001, 15006, 15008]);
  expect([...illegalPorts(ports, true)]).toEqual([15001, 15006, 15008, 15080]);
});

const redirected = '127.0.0.1 15001';
const rows: readonly (readonly [to: string, reached: string, loop: boolean])[] = [
  ['127.0.0.1 15001', redirected, true],
  ['127.0.0.1 15006', redirected, true],
  ['127.8.8.8 15008', redirected, true],
  ['::1 15008', redirected, true],
  ['127.0.0.1 15053', redirected, false],
  ['127.0.0.1 15080', redirected, false],
  ['127.0.0.1 80', redirected, false],
  ['10.0.0.1 15008', redirected, false],
  ['fd00::1 15001', redirected, false],
  ['fd00::1 15001', 'fd00::1 15001', true],
  ['10.0.0.1 15001', '10.0.0.1 15001', true],
  ['10.0.0.1 15001', '10.0.0.2 15001', false],
  ['10.0.0.1 80', '10.0.0.1 80', false],
];
test.each(rows)('to %s, reached at %s: %s', (to, reached, loop) => {
  expect(outboundLoop(illegalPorts(ports, false), address(to), address(reached))).toBe(loop);
});

function address(text: string): SocketAddress {
  const [host = '', port] = text.split(' ');
  return { ip: ip(host), port: Number(port) };
}
