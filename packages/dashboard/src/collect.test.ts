// Proxies that are asked, restart, stay silent and go; and how much of it the windows remember.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { Collector, type Target } from './collect.ts';
import { placeOf } from './series.ts';

const labels = 'reporter="source",source_workload="web",source_workload_namespace="shop",response_flags="-"';
const text = (value: number, name = 'web'): string =>
  `# TYPE x counter\nistio_tcp_connections_opened_total{${labels.replace('web', name)}} ${value}\nother_total 1\n# EOF\n`;
const a: Target = { id: 'istio-system/zt-a', title: 'zt-a (node-a)' };
const gate: Target = { id: 'store/gate-1', title: 'gate-1', waypoint: placeOf('store', 'gate') };

function start(said: Record<string, () => string | Promise<string>>, targets: readonly Target[] = [a]) {
  const clock = fakeClock();
  const now = { targets };
  let scrapes = 0;
  const collector = new Collector({
    clock,
    targets: async () => now.targets,
    scrape: async ({ id }) => {
      scrapes++;
      return (said[id] ?? (() => ''))();
    },
  });
  /** Time goes on while it is waited for. */
  const measure = async (seconds: number) => {
    const measured = collector.measure(ms(seconds * 1_000));
    await clock.advance(ms(0));
    return measured;
  };
  const increase = async (seconds: number) => (await measure(seconds)).measured.reduce((sum, each) => sum + each.increase, 0);
  return { collector, clock, now, measure, increase, scrapes: () => scrapes };
}

describe('Collector', () => {
  test('what was counted before it first asked happened who knows when; what comes after counts', async () => {
    let value = 1_000;
    const run = start({ [a.id]: () => text(value) });
    await using _ = run.collector;
    const first = await run.measure(15);
    expect([first.seconds, first.measured.map(({ increase, latest }) => [increase, latest])]).toEqual([0, [[0, 1_000]]]);
    value += 5;
    await run.clock.advance(ms(4_000));
    expect(await run.increase(15)).toBe(5);
    expect((await run.measure(15)).seconds).toBeCloseTo(4);
  });

  test('a series that turns up later counts whole, and so does one that began anew', async () => {
    let page = text(10);
    const run = start({ [a.id]: () => page });
    await using _ = run.collector;
    await run.measure(15);
    page = text(3) + text(7, 'other');
    await run.clock.advance(ms(2_000));
    expect(await run.increase(15)).toBe(3 + 7);
  });

  test('a window forgets what is older', async () => {
    let value = 0;
    const run = start({ [a.id]: () => text(value) });
    await using _ = run.collector;
    await run.measure(15);
    value = 100;
    for (let second = 0; second < 30; second += 2) {
      await run.clock.advance(ms(2_000));
      await run.measure(15);
    }
    expect(await run.increase(15)).toBe(0);
    expect(await run.increase(60)).toBe(100);
  });

  test('the longest window holds what happened a quarter of an hour ago, and no more', async () => {
    let value = 0;
    const run = start({ [a.id]: () => text(value) });
    await using _ = run.collector;
    for (let minute = 0; minute < 30; minute++) {
      value++;
      await run.clock.advance(ms(60_000));
      await run.measure(900);
    }
    const { seconds, measured } = await run.measure(900);
    expect(seconds).toBeGreaterThanOrEqual(900);
    expect(seconds).toBeLessThan(920);
    expect(measured[0]?.increase).toBeCloseTo(15, -0.5);
  });

  test('a proxy that does not answer costs a warning and its own figures', async () => {
    const run = start({ [a.id]: () => Promise.reject(new Error('refused')), [gate.id]: () => text(1) }, [a, gate]);
    await using _ = run.collector;
    const { warnings, measured, waypoints } = await run.measure(15);
    expect(warnings).toEqual(['zt-a (node-a) does not answer: refused']);
    expect([measured.map(({ by }) => by?.key), [...waypoints]]).toEqual([['store/gate'], ['store/gate']]);
  });

  test('one that hangs keeps nobody waiting for long', async () => {
    const run = start({ [a.id]: () => new Promise(() => {}), [gate.id]: () => text(1) }, [a, gate]);
    const measured = run.collector.measure(ms(15_000));
    await run.clock.advance(ms(3_000));
    expect((await measured).measured).toHaveLength(1);
  });

  test('one that is gone stands nowhere, but its past stays in the window until it is old', async () => {
    let value = 0;
    const run = start({ [a.id]: () => text(value) });
    await using _ = run.collector;
    await run.measure(900);
    value = 8;
    await run.clock.advance(ms(2_000));
    run.now.targets = [];
    await run.clock.advance(ms(20_000));
    expect((await run.measure(900)).measured).toMatchObject([{ increase: 8, latest: 0 }]);
    for (let minute = 0; minute < 16; minute++) {
      await run.clock.advance(ms(60_000));
      await run.measure(900);
    }
    expect((await run.measure(900)).measured).toEqual([]);
  });

  test('nobody looks: nobody is asked, until somebody looks again', async () => {
    const run = start({ [a.id]: () => text(1) });
    await using _ = run.collector;
    await run.measure(15);
    await run.clock.advance(ms(400_000));
    const scrapes = run.scrapes();
    await run.clock.advance(ms(60_000));
    expect([run.scrapes(), run.clock.pending]).toEqual([scrapes, 0]);
    expect((await run.measure(15)).measured).toHaveLength(1);
  });

  test('labels that nobody can read, and samples without end, are left out', async () => {
    const run = start({ [a.id]: () => `istio_tcp_connections_opened_total{a=} 1\n${text(1)}` });
    await using _ = run.collector;
    expect((await run.measure(15)).measured).toHaveLength(1);
  });
});
