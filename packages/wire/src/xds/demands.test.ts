// Waiting for names: everyone is released, and nobody's wait outlives its signal.
import { expect, test } from 'vitest';
import { Demands } from './demands.ts';

const never = new AbortController().signal;

test('all who wait for a name are released by one answer, others are not', async () => {
  const demands = new Demands();
  const released: string[] = [];
  const waits = ['a', 'a', 'b'].map((name, n) => demands.wait(name, never).then(() => released.push(`${name}${n}`)));
  demands.answer('a');
  demands.answer('nobody asked');
  await Promise.all(waits.slice(0, 2));
  expect(released).toEqual(['a0', 'a1']);
  expect([...demands.names]).toEqual(['b']);
});

test('a wait that is given up is forgotten with the last who waited', async () => {
  const demands = new Demands();
  const stopper = new AbortController();
  const other = demands.wait('a', never);
  const given = demands.wait('a', stopper.signal);
  const alone = demands.wait('b', stopper.signal);
  stopper.abort(new Error('late'));
  await expect(given).rejects.toThrow('late');
  await expect(alone).rejects.toThrow('late');
  expect([...demands.names]).toEqual(['a']);
  demands.answer('a');
  await other;
});

test('a signal that has aborted already does not wait', async () => {
  await expect(new Demands().wait('a', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
});

test('more than 10,000 names are refused; one more waiter of a known name is not', async () => {
  const demands = new Demands();
  for (let n = 0; n < 10_000; n++) void demands.wait(`n${n}`, never);
  await expect(demands.wait('one more', never)).rejects.toMatchObject({ fault: { code: 'xds.demand-overflow' } });
  const known = demands.wait('n0', never);
  demands.answer('n0');
  await known;
});
