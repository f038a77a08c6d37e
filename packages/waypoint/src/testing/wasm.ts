// Small plugins for tests, put together octet by octet: no compiler is needed to say "answer 403" or "run for ever".
// `plugin` gives the whole module; the other functions are instructions of WebAssembly, to be joined by `code`.

type Code = readonly number[];

/** How many values the host functions that tests use take; all answer one. */
const hostFunctions = {
  proxy_log: 3,
  proxy_get_header_map_value: 5,
  proxy_add_header_map_value: 5,
  proxy_replace_header_map_value: 5,
  proxy_remove_header_map_value: 3,
  proxy_set_header_map_pairs: 3,
  proxy_get_buffer_bytes: 5,
  proxy_get_property: 4,
  proxy_set_property: 4,
  proxy_send_local_response: 8,
  proxy_set_tick_period_milliseconds: 1,
  proxy_set_effective_context: 1,
  proxy_continue_stream: 1,
  proxy_http_call: 10,
  proxy_get_shared_data: 5,
  proxy_set_shared_data: 5,
  proxy_define_metric: 4,
  proxy_dequeue_shared_queue: 3,
} as const;
type HostFunction = keyof typeof hostFunctions;
const hostNames = Object.keys(hostFunctions) as readonly HostFunction[];

/** Where texts begin, and where memory is handed out from. */
const [textsAt, heapAt] = [1_024, 32_768];
/** For what host functions give back: an address, then a size. */
export const gave = { address: 16, size: 20 } as const;

const signed = (value: number): Code => {
  const low = value & 0x7f;
  const rest = value >> 7;
  return (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0) ? [low] : [low | 0x80, ...signed(rest)];
};
const unsigned = (value: number): Code => (value < 0x80 ? [value] : [(value % 128) | 0x80, ...unsigned(Math.floor(value / 128))]);
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const named = (name: string): Code => [...unsigned(Buffer.byteLength(name)), ...Buffer.from(name)];
const section = (id: number, body: Code): Code => [id, ...unsigned(body.length), ...body];

export const code = (...parts: readonly Code[]): Code => parts.flat();
export const number = (value: number): Code => [0x41, ...signed(value)];
export const parameter = (index: number): Code => [0x20, index];
/** The 32 bits at an address. */
export const load = (address: number): Code => [...number(address), 0x28, 2, 0];
const drop: Code = [0x1a];
export const trap: Code = [0x00];
export const forEver: Code = [0x03, 0x40, 0x0c, 0x00, 0x0b];
/** Takes a page of memory at a time until there is none left, then traps. */
export const growUntilNone: Code = [0x03, 0x40, ...number(1), 0x40, 0x00, ...number(-1), 0x47, 0x0d, 0x00, 0x0b, ...trap];
/** Puts 32 bits to an address. */
export const store = (address: number, value: number): Code => [...number(address), ...number(value), 0x36, 2, 0];
/** `then` if the value before it is not zero. */
export const when = (then: Code): Code => [0x04, 0x40, ...then, 0x0b];
export const equal: Code = [0x46];
/** The octet at the address before it. */
export const octet: Code = [0x2d, 0, 0];

export class Texts {
  readonly octets: number[] = [];

  /** Puts the text into the module; its address and length as two values. */
  readonly text = (text: string): Code => {
    const bytes = Buffer.from(text);
    const at = textsAt + this.octets.length;
    this.octets.push(...bytes);
    return [...number(at), ...number(bytes.length)];
  };
}

/** Calls a host function with what is before it, and forgets its answer. */
export const call = (name: HostFunction): Code => [...answerOf(name), ...drop];
/** Calls a host function and keeps its answer. */
export const answerOf = (name: HostFunction): Code => [0x10, ...unsigned(hostNames.indexOf(name))];

interface Callback {
  readonly takes: number;
  readonly answers: boolean;
}

const callbacks: Readonly<Record<string, Callback>> = {
  proxy_on_vm_start: { takes: 2, answers: true },
  proxy_on_configure: { takes: 2, answers: true },
  proxy_on_context_create: { takes: 2, answers: false },
  proxy_on_request_headers: { takes: 3, answers: true },
  proxy_on_request_body: { takes: 3, answers: true },
  proxy_on_response_headers: { takes: 3, answers: true },
  proxy_on_http_call_response: { takes: 5, answers: false },
  proxy_on_tick: { takes: 1, answers: false },
  proxy_on_done: { takes: 1, answers: true },
  proxy_on_log: { takes: 1, answers: false },
  proxy_on_delete: { takes: 1, answers: false },
};

export interface PluginOptions {
  /** Pages of 64 KiB. Default 2. */
  readonly pages?: number;
  /** Default `proxy_abi_version_0_2_1`. */
  readonly marker?: string;
}

/** The callbacks that it has, each with its code. Those that answer must leave a number behind. */
export function plugin(texts: Texts, bodies: Readonly<Record<string, Code>>, { pages = 2, marker }: PluginOptions = {}): Buffer {
  const functions = [
    { name: marker ?? 'proxy_abi_version_0_2_1', takes: 0, answers: false, body: [] },
    // The place where the heap ends, moved on by what was asked for.
    {
      name: 'proxy_on_memory_allocate',
      takes: 1,
      answers: true,
      body: [0x23, 0, 0x23, 0, ...parameter(0), 0x6a, 0x24, 0],
    },
    ...Object.entries(bodies).map(([name, body]) => ({ name, body, ...(callbacks[name] ?? { takes: 0, answers: false }) })),
  ];
  const type = (takes: number, answers: boolean): Code => [
    0x60,
    ...list(Array.from({ length: takes }, () => [0x7f])),
    ...list(answers ? [[0x7f]] : []),
  ];
  const types = [
    ...hostNames.map((name) => type(hostFunctions[name], true)),
    ...functions.map(({ takes, answers }) => type(takes, answers)),
  ];
  const imports = hostNames.map((name, n) => [...named('env'), ...named(name), 0, ...unsigned(n)]);
  const exports = functions.map(({ name }, n) => [...named(name), 0, ...unsigned(hostNames.length + n)]);
  const sections = [
    section(1, list(types)),
    section(2, list(imports)),
    section(3, list(functions.map((_, n) => unsigned(hostNames.length + n)))),
    section(5, list([[0, ...unsigned(pages)]])),
    section(6, list([[0x7f, 1, ...number(heapAt), 0x0b]])),
    section(7, list([...exports, [...named('memory'), 2, 0]])),
    section(10, list(functions.map(({ body }) => [...unsigned(body.length + 2), 0, ...body, 0x0b]))),
    ...(texts.octets.length === 0
      ? []
      : [section(11, list([[0, ...number(textsAt), 0x0b, ...unsigned(texts.octets.length), ...texts.octets]]))]),
  ];
  return Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}
