// What Envoy's rate limit protocol says, in plain data: may this request go, by what it is counted under. Pure.
// Used by the waypoint's filter for global limits, which makes the call and decides.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { HeaderList } from '../http/message.ts';
import { RateLimitRequestSchema, RateLimitResponse_Code, RateLimitResponseSchema, Unit } from '../messages/generated/rate_limit_pb.js';

export const shouldRateLimitPath = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** What a request is counted under: `key`, `value` in order. */
export interface CountedUnder {
  readonly entries: readonly (readonly [key: string, value: string])[];
  readonly requests: number;
  /** Milliseconds. Only a second, a minute, an hour and a day can be said; else the service's own limit counts. */
  readonly every: number;
}

export interface RateLimitAnswer {
  readonly allow: boolean;
  /** For the answer to the client. */
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  /** Milliseconds until the count that is over its limit begins anew; absent: not said. */
  readonly wait?: number;
}

const units: ReadonlyMap<number, Unit> = new Map([
  [1_000, Unit.SECOND],
  [60_000, Unit.MINUTE],
  [3_600_000, Unit.HOUR],
  [86_400_000, Unit.DAY],
]);

export function encodeShouldRateLimit(domain: string, counted: readonly CountedUnder[]): Uint8Array {
  const descriptors = counted.map(({ entries, requests, every }) => {
    const unit = units.get(every);
    const limit = unit === undefined ? {} : { limit: { requestsPerUnit: requests, unit } };
    return { entries: entries.map(([key, value]) => ({ key, value })), ...limit };
  });
  return toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, { domain, descriptors, hitsAddend: 1 }));
}

/** Undefined: this is no such message. */
export function decodeShouldRateLimit(bytes: Uint8Array): RateLimitAnswer | undefined {
  try {
    const { overallCode, statuses, responseHeadersToAdd, rawBody } = fromBinary(RateLimitResponseSchema, bytes);
    if (overallCode === RateLimitResponse_Code.UNKNOWN) return undefined;
    const waits = statuses
      .filter(({ code, durationUntilReset }) => code === RateLimitResponse_Code.OVER_LIMIT && durationUntilReset !== undefined)
      .map(({ durationUntilReset: left }) => Number(left?.seconds ?? 0) * 1_000 + (left?.nanos ?? 0) / 1e6);
    return {
      allow: overallCode === RateLimitResponse_Code.OK,
      headers: responseHeadersToAdd.map(({ key, value, rawValue }) => [
        key,
        rawValue.length > 0 ? Buffer.from(rawValue).toString('latin1') : value,
      ]),
      body: rawBody,
      ...(waits.length > 0 && { wait: Math.max(...waits) }),
    };
  } catch {
    return undefined;
  }
}
