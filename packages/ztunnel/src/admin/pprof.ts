// Writes a V8 CPU profile in pprof's protobuf format (google/pprof, proto/profile.proto). Pure.
// Called by profile.ts, which samples and compresses. Only what a CPU profile needs is written: samples, locations, functions, strings.
import type { Profiler } from 'node:inspector';

/** Field numbers of `perftools.profiles.Profile` and the messages in it. */
const profileField = {
  sampleType: 1,
  sample: 2,
  location: 4,
  function: 5,
  stringTable: 6,
  durationNanos: 10,
  periodType: 11,
  period: 12,
};
const wireVarint = 0;
const wireBytes = 2;

/** Samples of one stack, leaf first, as ids of locations. */
interface Stack {
  readonly locations: readonly number[];
  samples: number;
}

export function encodePprof(profile: Profiler.Profile, frequency: number): Uint8Array {
  const strings = new Strings();
  const periodNanos = Math.round(1e9 / frequency);
  const out = new ProtoWriter();
  out.message(profileField.sampleType, valueType(strings, 'samples', 'count'));
  out.message(profileField.sampleType, valueType(strings, 'cpu', 'nanoseconds'));
  for (const { locations, samples } of stacksOf(profile)) {
    out.message(profileField.sample, new ProtoWriter().packed(1, locations).packed(2, [samples, samples * periodNanos]));
  }
  // One location and one function for each call-tree node: readers add up equal names themselves.
  for (const { id, callFrame } of profile.nodes) {
    const line = new ProtoWriter().varint(1, id).varint(2, callFrame.lineNumber + 1);
    out.message(profileField.location, new ProtoWriter().varint(1, id).message(4, line));
    const name = strings.index(callFrame.functionName || '(anonymous)');
    const file = strings.index(callFrame.url);
    out.message(
      profileField.function,
      new ProtoWriter()
        .varint(1, id)
        .varint(2, name)
        .varint(3, name)
        .varint(4, file)
        .varint(5, callFrame.lineNumber + 1),
    );
  }
  out.varint(profileField.durationNanos, Math.round((profile.endTime - profile.startTime) * 1_000));
  out.message(profileField.periodType, valueType(strings, 'cpu', 'nanoseconds')).varint(profileField.period, periodNanos);
  for (const text of strings.all) out.bytes(profileField.stringTable, Buffer.from(text));
  return out.finish();
}

/** Nodes that were sampled, with their way up to the root. */
function stacksOf({ nodes, samples }: Profiler.Profile): Iterable<Stack> {
  const parentOf = new Map<number, number>();
  for (const { id, children } of nodes) for (const child of children ?? []) parentOf.set(child, id);
  const stacks = new Map<number, Stack>();
  for (const leaf of samples ?? []) {
    const known = stacks.get(leaf);
    if (known === undefined) stacks.set(leaf, { locations: wayUp(leaf, parentOf), samples: 1 });
    else known.samples += 1;
  }
  return stacks.values();
}

function wayUp(leaf: number, parentOf: ReadonlyMap<number, number>): readonly number[] {
  const way: number[] = [];
  for (let at: number | undefined = leaf; at !== undefined; at = parentOf.get(at)) way.push(at);
  return way;
}

const valueType = (strings: Strings, type: string, unit: string): ProtoWriter =>
  new ProtoWriter().varint(1, strings.index(type)).varint(2, strings.index(unit));

/** pprof's string table: each text once, the empty one first. */
class Strings {
  readonly #indices = new Map<string, number>([['', 0]]);

  index(text: string): number {
    const known = this.#indices.get(text);
    if (known !== undefined) return known;
    this.#indices.set(text, this.#indices.size);
    return this.#indices.size - 1;
  }

  get all(): Iterable<string> {
    return this.#indices.keys();
  }
}

/** The little of the protobuf wire format that this file needs; numbers are not negative and safe integers. */
class ProtoWriter {
  readonly #parts: Uint8Array[] = [];

  varint(field: number, value: number): this {
    if (value !== 0) this.#parts.push(varint(field * 8 + wireVarint), varint(value));
    return this;
  }

  packed(field: number, values: readonly number[]): this {
    return this.bytes(field, Buffer.concat(values.map(varint)));
  }

  message(field: number, message: ProtoWriter): this {
    return this.bytes(field, message.finish());
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#parts.push(varint(field * 8 + wireBytes), varint(bytes.length), bytes);
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}
