// When spans are sent, how, and what becomes of them when nobody takes them.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { frame } from '@ambient-mesh/wire/grpc/framing';
import { expect, test } from 'vitest';
import type { CallAnswer, CallRequest, CallTarget } from '../filters/call.ts';
import type { Span } from './otlp.ts';
import { type Collector, SpanExporter } from './span-exporter.ts';

const span: Span = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentId: undefined,
  traceState: '',
  name: 'n',
  start: 0,
  end: 1,
  attributes: [],
  failed: false,
};

class Scene {
  readonly clock: FakeClock = fakeClock();
  readonly calls: {
    readonly to: CallTarget;
    readonly request: CallRequest;
    readonly answer: (answer: Partial<CallAnswer> | Error) => void;
  }[] = [];
  readonly exported: number[] = [];
  readonly dropped: (readonly [number, string])[] = [];
  readonly exporter: SpanExporter;

  constructor(http?: Collector['http']) {
    const { clock, calls, exported, dropped } = this;
    this.exporter = new SpanExporter(
      { service: 'obs/collector.obs.svc', port: 4317, ...(http && { http }) },
      {
        clock,
        resource: () => [],
        exported: (spans) => exported.push(spans),
        dropped: (spans, why) => dropped.push([spans, why]),
        call: (to, request) =>
          new Promise((resolve, reject) => {
            request.signal.addEventListener('abort', () => reject(request.signal.reason));
            const answer = (given: Partial<CallAnswer> | Error): void =>
              given instanceof Error ? reject(given) : resolve({ status: 200, headers: [], trailers: [], body: Buffer.alloc(0), ...given });
            calls.push({ to, request, answer });
          }),
      },
    );
  }

  add(spans: number): void {
    for (let n = 0; n < spans; n++) this.exporter.add(span);
  }

  async answer(at: number, given: Partial<CallAnswer> | Error): Promise<void> {
    this.calls[at]?.answer(given);
    await this.clock.advance(ms(0));
  }
}

const taken: Partial<CallAnswer> = { trailers: [['grpc-status', '0']], body: frame(Buffer.alloc(0)) };

test('spans go out after five seconds', async () => {
  const scene = new Scene();
  scene.add(3);
  await scene.clock.advance(ms(4_999));
  expect(scene.calls).toHaveLength(0);
  await scene.clock.advance(ms(1));
  expect(scene.calls).toHaveLength(1);
  await scene.answer(0, taken);
  expect(scene.exported).toEqual([3]);
  expect(scene.clock.pending).toBe(0);
});

test('or at once when there are 512; one batch is on its way at a time', async () => {
  const scene = new Scene();
  scene.add(512 + 512 + 10);
  expect(scene.calls).toHaveLength(1);
  await scene.answer(0, taken);
  expect(scene.calls).toHaveLength(2);
  await scene.answer(1, taken);
  await scene.clock.advance(ms(5_000));
  await scene.answer(2, taken);
  expect(scene.exported).toEqual([512, 512, 10]);
});

test('beyond four batches spans are dropped, and so are those that the collector refuses', async () => {
  const scene = new Scene();
  scene.add(512 + 2_048 + 2);
  expect(scene.dropped).toEqual([
    [1, 'full'],
    [1, 'full'],
  ]);
  await scene.answer(0, { trailers: [['grpc-status', '14']] });
  expect(scene.dropped.at(-1)).toEqual([512, 'failed']);
  await scene.answer(1, new Error('no route'));
  expect(scene.dropped.at(-1)).toEqual([512, 'failed']);
  expect(scene.exported).toEqual([]);
});

test('over gRPC', async () => {
  const scene = new Scene();
  scene.add(512);
  const { to, request } = scene.calls[0] ?? {};
  expect(to).toMatchObject({ service: 'obs/collector.obs.svc', port: 4317 });
  expect(request).toMatchObject({
    protocol: 'h2',
    authority: 'collector.obs.svc:4317',
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  });
});

test.each([
  [200, [512], []],
  [503, [], [[512, 'failed']]],
])('over HTTP, where a path is set: %i', async (status, exported, dropped) => {
  const scene = new Scene({ path: 'v1/traces' });
  scene.add(512);
  expect(scene.calls[0]?.request).toMatchObject({
    protocol: 'http1',
    path: '/v1/traces',
    headers: [['content-type', 'application/x-protobuf']],
  });
  await scene.answer(0, { status });
  expect([scene.exported, scene.dropped]).toEqual([exported, dropped]);
});

test('at the end what waits is sent', async () => {
  const scene = new Scene();
  scene.add(600);
  const flushed = scene.exporter.flush(ms(60_000));
  await scene.answer(0, taken);
  await scene.answer(1, taken);
  await flushed;
  expect(scene.exported).toEqual([512, 88]);
});

test('nobody waits for a collector after the end', async () => {
  const scene = new Scene();
  scene.add(600);
  const flushed = scene.exporter.flush(ms(60_000));
  scene.exporter[Symbol.dispose]();
  await flushed;
  await scene.clock.advance(ms(0));
  expect(scene.dropped).toEqual([[512, 'failed']]);
  expect(scene.clock.pending).toBe(0);
});
