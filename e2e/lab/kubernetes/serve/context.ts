// What every request handler is given: the cluster, who is asking, and what was asked.
// Made by kube-api.ts per request.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServiceAccountTokens } from '../auth/service-account-tokens.ts';
import type { User } from '../auth/user.ts';
import type { Cluster } from '../cluster.ts';
import type { PodRuntime } from '../pod-runtime.ts';
import type { Faults } from './faults.ts';

export interface ServerParts extends Cluster {
  readonly tokens: ServiceAccountTokens;
  readonly faults: Faults;
  readonly runtime: PodRuntime | undefined;
  /** Watches from before this revision are told 410: like a real server, this one remembers only what happened since its start. */
  readonly startedAt: number;
}

export interface ApiRequest {
  readonly server: ServerParts;
  readonly user: User;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

/** Undefined instead of a reply: the handler has taken over the response. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  /** Default `application/json`. */
  readonly type?: string;
  readonly warnings?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export const json = (body: unknown, status = 200): Reply => ({ status, body: JSON.stringify(body) });
