// One endpoint of a destination as this waypoint sees it: who it is, what is in progress on it, how it has been doing, its open connections.
// Owned by destination.ts. When it is put aside is decided by outliers.ts, which connection serves next by links.ts.
import type { Upstream } from '@ambient-mesh/model/endpoint-choice';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Links } from './links.ts';

export class Endpoint {
  readonly workload: Workload;
  /** The port that is dialled. */
  readonly port: number;
  readonly links: Links;
  /** Requests (or connections) in progress. */
  active = 0;
  /** Answers in a row of 500 and above, and of 502 to 504 or none at all. */
  serverErrors = 0;
  gatewayErrors = 0;
  localFailures = 0;
  /** By the monotonic clock; in the past: it takes part. */
  ejectedUntil = 0;
  /** How often it has been put aside, less one for each quiet interval since. */
  ejections = 0;

  /** When it was first seen here, by the monotonic clock. */
  readonly since: number;

  constructor({ workload, port }: Upstream, links: Links, since = 0) {
    this.since = since;
    this.workload = workload;
    this.port = port;
    this.links = links;
  }

  /** Whether it may go on under this description: a workload that moved, or is somebody else now, is another endpoint. */
  isStill({ workload, port }: Upstream): boolean {
    const own = this.workload;
    if (own === workload) return port === this.port;
    return (
      port === this.port &&
      own.uid === workload.uid &&
      own.identity.uri === workload.identity.uri &&
      own.protocol === workload.protocol &&
      own.network === workload.network &&
      own.hostname === workload.hostname &&
      own.capacity === workload.capacity &&
      own.addresses.join() === workload.addresses.join()
    );
  }
}
