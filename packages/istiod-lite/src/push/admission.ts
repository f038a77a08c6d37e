// Who may open an xDS stream: a caller that lives where it says it does (facts: control-plane §3.16). Pure.
// Asked by wire's xDS server for each first request on the secured port.
import type { Authenticated } from '../sign/authenticate.ts';

/** What a client says of itself. */
export interface SaidNode {
  readonly namespace: string;
  /** Empty when it does not say. */
  readonly serviceAccount: string;
}

export type Admission =
  | { readonly ok: true }
  | { readonly refused: 'unauthenticated' | 'permission-denied'; readonly text: string; readonly detail: string };

/** `text` goes to the client, `detail` to the log. */
export function admit(caller: Authenticated, node: SaidNode): Admission {
  if ('refused' in caller) return { refused: 'unauthenticated', text: 'authentication failure', detail: caller.refused };
  const fits = caller.identities.some(
    (id) => id.namespace === node.namespace && (node.serviceAccount === '' || id.serviceAccount === node.serviceAccount),
  );
  if (fits) return { ok: true };
  const who = caller.identities.map((id) => id.uri).join(', ');
  const said = `${node.namespace}/${node.serviceAccount || '*'}`;
  return {
    refused: 'permission-denied',
    text: `no identity of the caller fits the node, which says ${said}`,
    detail: `${who} said to be ${said}`,
  };
}
