// Host functions about everything but headers and buffers: log, clock, properties, shared data, metrics, calls, the fate of a request.
// Bound into a plugin by guest.ts. What is not here (gRPC calls, queues, foreign functions) answers "unimplemented".
import { type HostState, type Metric, most, rootId } from './host-state.ts';
import { octets, readPairs, writePairs } from './pairs.ts';
import { findProperty } from './property.ts';
import { maps, metricKinds, status, streams } from './status.ts';
import { wallNanoseconds } from './wasi.ts';

type Calls = Record<string, (...values: never[]) => number>;

export function plainCalls(host: HostState): Calls {
  return {
    proxy_log(level: number, at: number, length: number): number {
      if (level < 0 || level > 5) return status.badArgument;
      host.log(level, host.memory.text(at, Math.min(length >>> 0, most.logText)));
      return status.ok;
    },
    proxy_get_log_level(toLevel: number): number {
      host.memory.putUint32(toLevel, 1);
      return status.ok;
    },
    proxy_get_current_time_nanoseconds(toTime: number): number {
      host.memory.putUint64(toTime, wallNanoseconds());
      return status.ok;
    },
    proxy_set_tick_period_milliseconds(every: number): number {
      host.say({ say: 'tick', every: every >>> 0 });
      return status.ok;
    },
    proxy_set_effective_context(id: number): number {
      const context = host.contexts.get(id);
      if (context === undefined) return status.badArgument;
      host.effective = context;
      return status.ok;
    },
    proxy_done(): number {
      if (!host.effective.lingering) return status.notFound;
      host.effective.lingering = false;
      return status.ok;
    },
    proxy_get_property(at: number, length: number, toAddress: number, toSize: number): number {
      const value = propertyOf(host, host.memory.text(at, length));
      if (value === undefined) return status.notFound;
      host.memory.give(value, toAddress, toSize);
      return status.ok;
    },
    proxy_set_property(at: number, length: number, valueAt: number, valueLength: number): number {
      const kept = host.effective.own.set(host.memory.text(at, length).replace(/\0$/, ''), host.memory.bytes(valueAt, valueLength));
      return kept === 'kept' ? status.ok : status.internalFailure;
    },
  };
}

function propertyOf({ effective, setup }: HostState, path: string): Uint8Array | undefined {
  const plain = path.replace(/\0$/, '');
  const own = effective.own.get(plain);
  if (own !== undefined) return own.value;
  const [subject = '', what = '', name] = plain.split('\0');
  const map = subject === 'request' ? maps.requestHeaders : subject === 'response' ? maps.responseHeaders : undefined;
  if (map !== undefined && what === 'headers') {
    const pairs = effective.maps.get(map) ?? [];
    if (name === undefined) return writePairs(pairs);
    const value = pairs.find(([each]) => each === name.toLowerCase())?.[1];
    return value === undefined ? undefined : octets(value);
  }
  return findProperty(effective.properties, path) ?? findProperty(setup.properties, path);
}

export function sharedCalls(host: HostState): Calls {
  return {
    proxy_get_shared_data(at: number, length: number, toAddress: number, toSize: number, toVersion: number): number {
      const kept = host.shared.get(host.memory.latin1(at, length));
      if (kept === undefined) return status.notFound;
      host.memory.give(kept.value, toAddress, toSize);
      host.memory.putUint32(toVersion, kept.version);
      return status.ok;
    },
    proxy_set_shared_data(at: number, length: number, valueAt: number, valueLength: number, version: number): number {
      const kept = host.shared.set(host.memory.latin1(at, length), host.memory.bytes(valueAt, valueLength), version >>> 0);
      return kept === 'kept' ? status.ok : kept === 'too much' ? status.internalFailure : status.casMismatch;
    },
  };
}

export function metricCalls(host: HostState): Calls {
  const update = (id: number, apply: (metric: Metric) => boolean): number => {
    const metric = host.metrics[id - 1];
    if (metric === undefined) return status.notFound;
    if (!apply(metric)) return status.badArgument;
    host.changedMetrics.add(metric);
    return status.ok;
  };
  return {
    proxy_define_metric(kindNumber: number, at: number, length: number, toId: number): number {
      const kind = metricKinds[kindNumber];
      if (kind === undefined || length >>> 0 > most.metricName) return status.badArgument;
      const name = host.memory.text(at, length);
      const known = host.metrics.findIndex((metric) => metric.name === name && metric.kind === kind);
      if (known < 0 && host.metrics.length >= most.metrics) return status.internalFailure;
      if (known < 0) host.metrics.push({ name, kind, value: 0, count: 0 });
      host.memory.putUint32(toId, known < 0 ? host.metrics.length : known + 1);
      return status.ok;
    },
    proxy_increment_metric: (id: number, by: bigint): number =>
      update(id, (metric) => {
        if (metric.kind === 'histogram' || (metric.kind === 'counter' && by < 0n)) return false;
        metric.value += Number(by);
        return true;
      }),
    proxy_record_metric: (id: number, value: bigint): number =>
      update(id, (metric) => {
        metric.value = Number(BigInt.asUintN(64, value)) + (metric.kind === 'histogram' ? metric.value : 0);
        metric.count += 1;
        return true;
      }),
    proxy_get_metric(id: number, toValue: number): number {
      const metric = host.metrics[id - 1];
      if (metric === undefined) return status.notFound;
      host.memory.putUint64(toValue, BigInt.asUintN(64, BigInt(metric.value)));
      return status.ok;
    },
  };
}

export function streamCalls(host: HostState): Calls {
  let lastCall = 0;
  return {
    proxy_continue_stream(stream: number): number {
      if (stream !== streams.request && stream !== streams.response) return status.unimplemented;
      if (host.effective.stage === (stream === streams.request ? 'request' : 'response')) host.effective.resumed = true;
      return status.ok;
    },
    proxy_close_stream(stream: number): number {
      if (stream !== streams.request && stream !== streams.response) return status.unimplemented;
      host.effective.closed = true;
      return status.ok;
    },
    proxy_send_local_response(code: number, ...rest: number[]): number {
      const [detailsAt = 0, detailsLength = 0, bodyAt = 0, bodyLength = 0, headersAt = 0, headersLength = 0, grpc = -1] = rest;
      const headers = readPairs(host.memory.bytes(headersAt, headersLength));
      const { effective, memory } = host;
      if (headers === undefined || effective.id === rootId || bodyLength >>> 0 > most.body) return status.badArgument;
      effective.local = {
        status: code,
        details: memory.text(detailsAt, Math.min(detailsLength >>> 0, 200)),
        body: memory.bytes(bodyAt, bodyLength),
        headers,
        grpcStatus: grpc < 0 || grpc > 16 ? undefined : grpc,
      };
      return status.ok;
    },
    proxy_http_call(...values: number[]): number {
      const [
        upstreamAt = 0,
        upstreamLength = 0,
        headersAt = 0,
        headersLength = 0,
        bodyAt = 0,
        bodyLength = 0,
        ,
        ,
        timeout = 0,
        toCall = 0,
      ] = values;
      const { memory } = host;
      const headers = readPairs(memory.bytes(headersAt, headersLength));
      const wanted = [':method', ':path', ':authority'].every((name) => headers?.some(([each]) => each === name) === true);
      if (headers === undefined || !wanted || bodyLength >>> 0 > most.body) return status.badArgument;
      if (host.calls.size >= most.callsAtOnce) return status.internalFailure;
      const call = ++lastCall;
      memory.putUint32(toCall, call);
      host.calls.add(call);
      const upstream = memory.text(upstreamAt, upstreamLength);
      host.say({ say: 'call', call, upstream, headers, body: memory.bytes(bodyAt, bodyLength), timeout: timeout >>> 0 });
      return status.ok;
    },
    proxy_get_status(toCode: number, toAddress: number, toSize: number): number {
      const code = Number(host.called?.headers.find(([name]) => name === ':status')?.[1] ?? 0);
      host.memory.putUint32(toCode, code);
      host.memory.give(new Uint8Array(), toAddress, toSize);
      return status.ok;
    },
  };
}
