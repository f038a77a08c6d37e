// What the API server needs from whoever runs the pods: their logs, and streams into them. The kubelet's part in a real cluster.
// Given to KubeApi.start by the lab; without one the pod subresources answer that there is no node to ask.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { KubeObject } from './patch/json.ts';

export interface LogOptions {
  readonly container: string;
  /** Go on with what the pod says from now on. */
  readonly follow: boolean;
  /** Of the run before the last restart. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Only the last lines; undefined: all there are. */
  readonly tailLines: number | undefined;
  /** Only lines from these last seconds on. */
  readonly sinceSeconds: number | undefined;
}

/** A request for `exec`, `attach` or `portforward` that wants to become a stream. Whoever takes it owns the socket. */
export interface PodUpgrade {
  readonly subresource: 'exec' | 'attach' | 'portforward';
  readonly pod: Readonly<KubeObject>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that came along with the request. */
  readonly head: Buffer;
}

export interface PodRuntime {
  /** Ends with the log, or when `signal` aborts. @throws StatusError when the container has none. */
  logs(pod: Readonly<KubeObject>, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Speaks the streaming protocol and connects it to the pod. */
  upgrade(upgrade: PodUpgrade): void;
}
