// Metrics: the exact text, numbers from worker threads, and eviction.
import { expect, expectTypeOf, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { ms } from './time.ts';

test('the text is OpenMetrics, families in the order of their declaration, those without samples left out', async () => {
  const metrics = new Metrics();
  const opened = metrics.counter('istio_tcp_connections_opened_total', 'The total number of TCP connections opened', ['reporter', 'app']);
  metrics.counter('never_counted_total', 'Nothing', []);
  const bytes = metrics.counter('istio_xds_message_bytes_total', 'Total bytes received (unstable)', ['url'], { unit: 'bytes' });
  const open = metrics.gauge('istio_tcp_sockets_open', 'Open sockets (unstable)', ['reporter']);
  const durations = metrics.histogram('dns_duration_seconds', 'Time (unstable)', ['type'], [0.0005, 0.1, 1]);
  metrics.collected({
    name: 'process_open_fds',
    help: 'Number of open file descriptors',
    kind: 'gauge',
    labels: [],
    read: () => [[{}, 7]],
  });
  metrics.collected({ name: 'busy_total', help: 'Busy', kind: 'counter', labels: ['worker'], read: () => [[{ worker: '0' }, 1.5]] });
  opened.series(['source', 'a"\\\n']).value += 2;
  opened.with({ reporter: 'destination', app: 'b' }).value += 1;
  bytes.series(['type.googleapis.com/x']).value += 12;
  open.series(['source']).value += 3;
  for (const value of [0.0005, 0.2, 5]) durations.observe({ type: 'a' }, value);
  expect(await metrics.text()).toBe(`# HELP istio_tcp_connections_opened The total number of TCP connections opened.
# TYPE istio_tcp_connections_opened counter
istio_tcp_connections_opened_total{reporter="source",app="a\\"\\\\\\n"} 2
istio_tcp_connections_opened_total{reporter="destination",app="b"} 1
# HELP istio_xds_message_bytes Total bytes received (unstable).
# TYPE istio_xds_message_bytes counter
# UNIT istio_xds_message_bytes bytes
istio_xds_message_bytes_total{url="type.googleapis.com/x"} 12
# HELP istio_tcp_sockets_open Open sockets (unstable).
# TYPE istio_tcp_sockets_open gauge
istio_tcp_sockets_open{reporter="source"} 3
# HELP dns_duration_seconds Time (unstable).
# TYPE dns_duration_seconds histogram
dns_duration_seconds_bucket{le="0.0005",type="a"} 1
dns_duration_seconds_bucket{le="0.1",type="a"} 1
dns_duration_seconds_bucket{le="1.0",type="a"} 2
dns_duration_seconds_bucket{le="+Inf",type="a"} 3
dns_duration_seconds_sum{type="a"} 5.2005
dns_duration_seconds_count{type="a"} 3
# HELP process_open_fds Number of open file descriptors
# TYPE process_open_fds gauge
process_open_fds 7
# HELP busy Busy
# TYPE busy counter
busy_total{worker="0"} 1.5
# EOF
`);
});

test('a series is the same for the same values, and fewer values leave the last labels away', async () => {
  const metrics = new Metrics();
  const labels = metrics.labels(['a', 'b', 'c']);
  const family = metrics.counter('x_total', 'X', labels);
  expect(family.series(['1', '2'])).toBe(family.series(['1', '2']));
  expect(family.series(['1', '2'])).not.toBe(family.series(['1', '2', '']));
  expect(family.seriesOf(labels.row(['1', '2']))).toBe(family.series(['1', '2']));
  family.series(['1', '2']).value = 4;
  expect(await metrics.text()).toContain('x_total{a="1",b="2"} 4\nx_total{a="1",b="2",c=""} 0\n');
  expect(() => family.series(['1', '2', '3', '4'])).toThrow('fewer labels');
});

test('labels are typed by their names', () => {
  const family = new Metrics().counter('x_total', 'X', ['by', 'why']);
  expectTypeOf(family.with).parameter(0).toEqualTypeOf<Readonly<Record<'by' | 'why', string>>>();
});

test('a name is declared once', () => {
  const metrics = new Metrics();
  metrics.counter('x_total', 'X', []);
  expect(() => metrics.gauge('x', 'X', [])).toThrow('the metric x is declared twice');
});

function process_() {
  const metrics = new Metrics();
  return {
    metrics,
    count: metrics.counter('c_total', 'C', ['k']),
    level: metrics.gauge('g', 'G', ['k']),
    times: metrics.histogram('h', 'H', ['k'], [1]),
  };
}
/** What posting to another thread does. */
const posted = <T>(value: T): T => structuredClone(value);

test('numbers of all workers add up in the main thread, with its own', async () => {
  const [main, one, two] = [process_(), process_(), process_()];
  main.count.series(['a']).value += 1;
  for (const [name, worker] of [
    ['one', one],
    ['two', two],
  ] as const) {
    worker.count.series(['a']).value += 10;
    worker.level.series(['a']).value += 5;
    worker.times.observe({ k: 'a' }, 0.5);
    main.metrics.merge(name, posted(worker.metrics.snapshot()));
  }
  one.count.series(['a']).value += 100;
  one.level.series(['a']).value -= 2;
  main.metrics.merge('one', posted(one.metrics.snapshot()));
  expect(main.count.series(['a']).value).toBe(121);
  expect(main.level.series(['a']).value).toBe(8);
  expect(await main.metrics.text()).toContain('h_sum{k="a"} 1\nh_count{k="a"} 2\n');
});

test('labels travel once, and what did not change does not travel', () => {
  const worker = process_();
  worker.count.series(['a']).value += 1;
  expect(worker.metrics.snapshot().families).toMatchObject([{ family: 'c', fresh: [[0, ['a']]] }]);
  expect(worker.metrics.snapshot().families).toEqual([]);
  worker.count.series(['a']).value += 1;
  expect(worker.metrics.snapshot().families).toMatchObject([{ family: 'c', fresh: [] }]);
});

test('a worker that starts anew makes no counter go down; its gauges start from nothing', () => {
  const [main, before, after] = [process_(), process_(), process_()];
  before.count.series(['a']).value += 10;
  before.level.series(['a']).value += 5;
  main.metrics.merge('one', posted(before.metrics.snapshot()));
  after.count.series(['a']).value += 1;
  after.level.series(['a']).value += 2;
  main.metrics.merge('one', posted(after.metrics.snapshot()));
  expect([main.count.series(['a']).value, main.level.series(['a']).value]).toEqual([11, 2]);
  main.metrics.settle('one');
  expect([main.count.series(['a']).value, main.level.series(['a']).value]).toEqual([11, 0]);
});

test('a snapshot that skips one is refused', () => {
  const [main, worker] = [process_(), process_()];
  main.metrics.merge('one', worker.metrics.snapshot());
  worker.metrics.snapshot();
  expect(() => main.metrics.merge('one', worker.metrics.snapshot())).toThrow('does not follow');
});

const sweepAt = (minutes: number, needed = false) => ({ now: ms(minutes * 60_000), unusedFor: ms(15 * 60_000), needed: () => needed });

test('a series unused for long is evicted, unless it is needed or its gauge holds something', async () => {
  const metrics = new Metrics();
  const labels = metrics.labels(['k']);
  const [count, level] = [metrics.counter('c_total', 'C', labels), metrics.gauge('g', 'G', labels)];
  for (const family of [count, level]) for (const k of ['idle', 'busy']) family.series([k]).value += 1;
  level.series(['idle']).value = 0;
  metrics.sweep(labels, sweepAt(0));
  count.series(['busy']).value += 1;
  metrics.sweep(labels, sweepAt(10));
  metrics.sweep(labels, sweepAt(16, true));
  expect(await metrics.text()).toContain('c_total{k="idle"} 1');
  metrics.sweep(labels, sweepAt(16));
  const text = await metrics.text();
  expect(text.match(/^[cg].*$/gm)).toEqual(['c_total{k="busy"} 2', 'g{k="busy"} 1']);
});

test('a series that someone still holds comes back with all of its count', () => {
  const metrics = new Metrics();
  const labels = metrics.labels(['k']);
  const count = metrics.counter('c_total', 'C', labels);
  const held = count.series(['a']);
  held.value += 7;
  metrics.sweep(labels, sweepAt(0));
  metrics.sweep(labels, sweepAt(20));
  expect([...count.entries]).toEqual([]);
  held.value += 1;
  metrics.sweep(labels, sweepAt(21));
  expect([...count.entries].map((entry) => entry.cells[0])).toEqual([held]);
  metrics.sweep(labels, sweepAt(60));
  expect(count.series(['a'])).toBe(held);
});

test('eviction in a worker and return of the series count nothing twice in the main thread', () => {
  const [main, worker] = [process_(), process_()];
  const held = worker.count.series(['a']);
  const labels = worker.count.options.labels;
  held.value += 7;
  main.metrics.merge('one', posted(worker.metrics.snapshot()));
  worker.metrics.sweep(labels, sweepAt(0));
  worker.metrics.sweep(labels, sweepAt(20));
  main.metrics.merge('one', posted(worker.metrics.snapshot()));
  held.value += 1;
  worker.metrics.sweep(labels, sweepAt(21));
  main.metrics.merge('one', posted(worker.metrics.snapshot()));
  expect(main.count.series(['a']).value).toBe(8);
});
