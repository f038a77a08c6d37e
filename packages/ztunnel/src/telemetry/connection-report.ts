// What a connection leaves behind: its metrics and its access line, told once, whatever way it ends.
// Opened by outbound/ and inbound/ once a request is understood; a report that nobody ended says that the connection was cut by a drain.
// Labels, fields and flags are made by the files beside it.
import type { SocketAddress } from '@ambient-mesh/model/address';
import type { Scope } from '@ambient-mesh/runtime/log';
import type { Clock } from '@ambient-mesh/runtime/time';
import { AccessLog, type Bytes, type Connection, type Failure } from './access-log.ts';
import type { ConnectionMetrics } from './connection-metrics.ts';
import type { ResponseFlag } from './flags.ts';
import type { Reporter } from './labels.ts';

export interface ReportPorts {
  readonly metrics: ConnectionMetrics;
  /** The scope of the target `access`. */
  readonly access: Scope;
  readonly clock: Clock;
}

/** A failed end; the flag says who is to blame in the metrics. */
export interface Failed extends Failure {
  readonly flag: Exclude<ResponseFlag, '-'>;
}

/** One open connection. Disposing of it without an end logs an ERROR, keeps the flag `-`, and so counts as closed but not as failed. */
export interface ConnectionReport extends Disposable {
  /** Handed to the pump, which counts in it. */
  readonly bytes: Bytes;
  /** Tells how it ended; only the first end counts. */
  end(failed?: Failed): void;
}

export class ConnectionReports {
  readonly #metrics: ConnectionMetrics;
  readonly #log: AccessLog;
  readonly #clock: Clock;

  constructor(ports: ReportPorts) {
    this.#metrics = ports.metrics;
    this.#log = new AccessLog(ports.access);
    this.#clock = ports.clock;
  }

  /** `startedAt` (monotonic) is when the connection was accepted; its duration counts from there. `bytes` may be another report's of the same connection. */
  open(connection: Connection, startedAt: number = this.#clock.monotonic(), bytes: Bytes = { received: 0, sent: 0 }): ConnectionReport {
    const counted = this.#metrics.open(connection, bytes);
    this.#log.opened(connection);
    let open = true;
    const close = (count: () => void, failure?: Failure): void => {
      if (!open) return;
      open = false;
      count();
      this.#log.complete(connection, bytes, this.#clock.monotonic() - startedAt, failure);
    };
    return {
      bytes,
      end: (failed) => close(() => counted.close(failed?.flag ?? '-', failed?.policy), failed),
      [Symbol.dispose]: () => close(counted.cut, { error: 'connection closed due to connection drain' }),
    };
  }

  /** Turned away before a request was understood: a WARN line, no metrics. */
  refused(from: SocketAddress, to: SocketAddress, reporter: Reporter, error: string): void {
    this.#log.refused(from, to, reporter, error);
  }
}
