// What is asked of the mesh, what the answer looks like, and how answers about several possibilities become one. Plain data.
// Written by explain.ts and the files beside it; shown by the CLI and the graph's page.
import { familyOf, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { KnownMesh } from './mesh-of.ts';

export interface Question {
  readonly from: Workload;
  readonly to: SocketAddress;
  /** Absent: a connection that is not HTTP, or of which nothing more is known. */
  readonly request?: AskedRequest;
  /** Server name of TLS, for a connection that is not HTTP in clear. */
  readonly sni?: string;
  /** Milliseconds since the epoch, for tokens that expire. Absent: no token is too old or too young. */
  readonly now?: number;
}

export interface AskedRequest {
  readonly method: string;
  /** As in `Host`, with a port or not. */
  readonly host: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. Tokens in them are taken to be signed well. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Step {
  /** `namespace/name` of the workload where it happens. */
  readonly at: string;
  readonly says: string;
}

export interface Outcome {
  /**
   * `denied`: a policy says no. `refused`: there is no way to go. `answered`: the waypoint answers by itself.
   * `sometimes`: it is not decided before it happens: chance, or somebody outside of the mesh.
   */
  readonly outcome: 'allowed' | 'denied' | 'refused' | 'answered' | 'sometimes';
  /** The policy, route or reason that decides; empty where nothing has to. */
  readonly by: string;
  /** Of the HTTP answer, where it is the mesh that gives it. Absent also where several are possible. */
  readonly status?: number;
}

export interface Explanation extends Outcome {
  readonly steps: readonly Step[];
}

/** One question on its way to an answer. */
export interface Inquiry {
  readonly known: KnownMesh;
  readonly question: Question;
  readonly steps: Step[];
}

export const nameOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => `${namespace}/${name}`;

export const allowed: Outcome = { outcome: 'allowed', by: '' };

/** The last step of a way: what it says is the reason, unless there is more to say. */
export function ends({ steps }: Inquiry, at: string, outcome: Outcome, says = outcome.by): Outcome {
  steps.push({ at, says });
  return outcome;
}

export const refused = (by: string, status?: number): Outcome => ({ outcome: 'refused', by, ...(status !== undefined && { status }) });

/** One of them will be it. @param none when there is nothing to choose from */
export function together(outcomes: readonly Outcome[], none: Outcome = refused('nobody is there')): Outcome {
  const [first, ...others] = outcomes;
  if (first === undefined) return none;
  const by = [...new Set(outcomes.map((each) => each.by).filter((each) => each !== ''))].join('; ');
  const isOne = others.every(({ status }) => status === first.status);
  if (isOne && others.every(({ outcome }) => outcome === first.outcome)) return { ...first, by };
  // Whoever cannot go on and who may not do not arrive either way; what their client sees may differ.
  const isNever = outcomes.every(({ outcome }) => outcome === 'denied' || outcome === 'refused');
  if (!isNever) return { outcome: 'sometimes', by };
  return { outcome: first.outcome, by, ...(isOne && first.status !== undefined && { status: first.status }) };
}

/** Which of its addresses a workload is reached at by those who dialled `like`: that one, else one of its family. */
export function addressLike({ addresses }: Workload, like: Ip, families: Service['ipFamilies'] = 'Dual'): Ip | undefined {
  if (addresses.includes(like)) return like;
  const usable = families === 'Dual' ? addresses : addresses.filter((ip) => familyOf(ip) === (families === 'IPv4' ? 4 : 6));
  return usable.find((ip) => familyOf(ip) === familyOf(like)) ?? usable[0];
}
