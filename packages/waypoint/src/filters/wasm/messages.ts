// What the main thread and the thread of a plugin say to each other. Plain data, one answer per command, in order.
// Spoken by instance.ts (main) and worker.ts (the plugin's thread); the words are those of Proxy-Wasm 0.2.1.

/** In order; octets as latin1 text, as the codecs have them; pseudo-headers first. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/** What plugins can ask for by path. Texts are UTF-8, numbers and bigints become 64-bit integers, records maps. */
export type Property = string | number | bigint | boolean | Properties;
export interface Properties {
  readonly [name: string]: Property;
}

export interface Setup {
  readonly module: WebAssembly.Module;
  readonly configuration: string;
  readonly env: readonly (readonly [string, string])[];
  /** Of the plugin itself and of its node; requests add theirs. */
  readonly properties: Properties;
}

export type Stage = 'request' | 'response';

export type Command =
  | { readonly do: Stage; readonly id: number; readonly headers: Pairs; readonly last: boolean; readonly properties: Properties }
  /** As much of the request's body as was read. */
  | { readonly do: 'body'; readonly id: number; readonly bytes: Uint8Array; readonly last: boolean }
  | { readonly do: 'done'; readonly id: number }
  | { readonly do: 'tick' }
  /** The answer to an HTTP call; without headers it failed. */
  | ({ readonly do: 'called'; readonly call: number } & CallAnswer);

export interface CallAnswer {
  readonly headers: Pairs;
  readonly trailers: Pairs;
  readonly body: Uint8Array;
}

/** An answer that the plugin gives instead of the service. */
export interface LocalAnswer {
  readonly status: number;
  readonly details: string;
  readonly body: Uint8Array;
  readonly headers: Pairs;
  readonly grpcStatus: number | undefined;
}

/** What becomes of the request or response. */
export type Verdict =
  /** Told later by `resumed`. */
  | 'wait'
  /** `headers`: only if they were changed. */
  | { readonly go: true; readonly headers?: Pairs }
  | { readonly local: LocalAnswer }
  | { readonly close: true };

export interface HttpCall {
  readonly call: number;
  /** An authority, or a cluster in Envoy's words: `outbound|80||host`. */
  readonly upstream: string;
  readonly headers: Pairs;
  readonly body: Uint8Array;
  /** Milliseconds. */
  readonly timeout: number;
}

export type PluginEvent =
  | { readonly say: 'log'; readonly level: number; readonly text: string }
  /** `value`: all in all. */
  | { readonly say: 'metric'; readonly name: string; readonly kind: 'counter' | 'gauge'; readonly value: number }
  /** Milliseconds; 0: no more. */
  | { readonly say: 'tick'; readonly every: number }
  | ({ readonly say: 'call' } & HttpCall)
  | { readonly say: 'resumed'; readonly id: number; readonly verdict: Exclude<Verdict, 'wait'> };

export type Report =
  /** The first: it has started. `bodies`: it wants to see those of requests. */
  | { readonly started: { readonly bodies: boolean; readonly responses: boolean }; readonly events: readonly PluginEvent[] }
  /** One per command. */
  | { readonly verdict: Verdict | undefined; readonly events: readonly PluginEvent[] }
  /** The last: it cannot be used any more. */
  | { readonly failed: string; readonly events: readonly PluginEvent[] };
