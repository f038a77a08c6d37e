// A pod as the mesh sees it.
import type { Meta } from './meta.ts';

export interface Pod {
  readonly meta: Meta;
  /** Empty until it is scheduled. */
  readonly node: string;
  readonly serviceAccount: string;
  /** As the status lists them, unchecked. */
  readonly ips: readonly string[];
  readonly phase: string;
  /** The condition Ready is True. */
  readonly ready: boolean;
  /** It has a deletion timestamp. */
  readonly deleting: boolean;
  readonly hostNetwork: boolean;
  /** Named by a controller (`generateName` is set). */
  readonly generated: boolean;
  /** The owner that controls it. */
  readonly controller?: { readonly kind: string; readonly name: string };
  /** Named TCP ports of containers, and of init containers that keep running; the first of a name counts. */
  readonly namedPorts: Readonly<Record<string, number>>;
}
