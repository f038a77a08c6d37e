// When a certificate service that nobody answers for is asked again, and when not.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import type { CaFault } from './client.ts';
import { patiently } from './patiently.ts';

const never = new AbortController().signal;
const failing = (...faults: readonly (CaFault | undefined)[]): { asked: number; ask: () => Promise<string> } => {
  const service = {
    asked: 0,
    ask: async (): Promise<string> => {
      const fault = faults[Math.min(service.asked++, faults.length - 1)];
      if (fault !== undefined) throw new MeshError(fault, 'no');
      return 'chain';
    },
  };
  return service;
};

test('nobody there, and then somebody: the answer', async () => {
  const clock = fakeClock();
  const service = failing({ code: 'ca.unreachable' }, { code: 'ca.unreachable' }, undefined);
  const answer = patiently(service.ask, clock)('csr', never);
  await clock.advance(ms(200));
  expect([await answer, service.asked]).toEqual(['chain', 3]);
});

test('nobody there for three seconds: unreachable', async () => {
  const clock = fakeClock();
  const answer = patiently(failing({ code: 'ca.unreachable' }).ask, clock)('csr', never);
  const refused = expect(answer).rejects.toMatchObject({ fault: { code: 'ca.unreachable' } });
  await clock.advance(ms(3_100));
  await refused;
  expect(clock.pending).toBe(0);
});

for (const fault of [{ code: 'ca.refused', status: 7 }, { code: 'ca.timeout', afterMs: 10_000 }, { code: 'ca.bad-answer' }] as const) {
  test(`${fault.code} is told at once`, async () => {
    const service = failing(fault);
    await expect(patiently(service.ask, fakeClock())('csr', never)).rejects.toMatchObject({ fault });
    expect(service.asked).toBe(1);
  });
}

test('who gives up waits no longer', async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const answer = patiently(failing({ code: 'ca.unreachable' }).ask, clock)('csr', stop.signal);
  await clock.advance(ms(50));
  stop.abort(new Error('enough'));
  await expect(answer).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});
