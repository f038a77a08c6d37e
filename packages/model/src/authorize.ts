// Decides whether a connection may reach a workload: deny policies first, then allow policies if there are any.
// Called for each inbound connection before the app is dialled, and again for open ones when policies change.
// What a policy matches is in policy-match.ts; which ones apply, in policy-store.ts.
import type { Ip, SocketAddress } from './address.ts';
import type { Mesh } from './mesh.ts';
import { Attributes } from './policy-match.ts';
import type { CompiledPolicy } from './policy-store.ts';
import type { SpiffeId } from './spiffe.ts';
import type { Workload } from './workload.ts';

export interface Connection {
  /** The peer's own address; its port plays no part. */
  readonly source: { readonly ip: Ip };
  /** This pod's address and the port that the app is dialled on, after all mapping. */
  readonly destination: SocketAddress;
  /** From the peer's certificate; absent in clear text. */
  readonly identity?: SpiffeId | undefined;
}

/** A line for the policy log. `policy` is `namespace/name`. */
export interface PolicyNote {
  readonly message:
    | 'deny policy match'
    | 'allow policy match'
    | 'no allow policies, allow'
    | 'no allow policies matched'
    | 'policy never received, deny'
    | 'dry-run: deny policy match'
    | 'dry-run: allow policy match'
    | 'dry-run: no allow policies match';
  readonly policy?: string;
}

export type Verdict =
  | { readonly allow: true; readonly notes: readonly PolicyNote[] }
  | {
      readonly allow: false;
      /** `never received`: a policy that the workload lists is still on its way, so that an open connection may be given time. */
      readonly because: 'denied' | 'not allowed' | 'never received';
      /** `namespace/name`; the resource name when it was never received; absent when allow policies exist and none matched. */
      readonly policy?: string;
      /** Follows `connection closed due to policy rejection: ` in the access log. */
      readonly text: string;
      readonly notes: readonly PolicyNote[];
    };

const freely: Verdict = { allow: true, notes: [{ message: 'no allow policies, allow' }] };

export function authorize(mesh: Mesh, workload: Workload, { source, destination, identity }: Connection): Verdict {
  const { deny, allow, dryRunDeny, dryRunAllow, neverReceived } = mesh.policiesFor(workload);
  if (deny.length + allow.length + dryRunDeny.length + dryRunAllow.length + neverReceived.length === 0) return freely;

  const connection = new Attributes(source.ip, destination, identity);
  const notes: PolicyNote[] = dryRunDeny
    .filter(({ matches }) => matches(connection))
    .map(({ label }) => ({ message: 'dry-run: deny policy match', policy: label }));

  const denied = firstMatch(deny, connection);
  if (denied !== undefined) {
    notes.push({ message: 'deny policy match', policy: denied });
    return { allow: false, because: 'denied', policy: denied, text: `explicitly denied by: ${denied}`, notes };
  }
  const [unknown] = neverReceived;
  if (unknown !== undefined) {
    notes.push({ message: 'policy never received, deny', policy: unknown });
    return { allow: false, because: 'never received', policy: unknown, text: `policy never received: ${unknown}`, notes };
  }
  const dryAllowed = firstMatch(dryRunAllow, connection);
  if (dryAllowed !== undefined) notes.push({ message: 'dry-run: allow policy match', policy: dryAllowed });
  else if (dryRunAllow.length > 0 && allow.length === 0) notes.push({ message: 'dry-run: no allow policies match' });

  if (allow.length === 0) {
    notes.push({ message: 'no allow policies, allow' });
    return { allow: true, notes };
  }
  const allowed = firstMatch(allow, connection);
  if (allowed !== undefined) {
    notes.push({ message: 'allow policy match', policy: allowed });
    return { allow: true, notes };
  }
  notes.push({ message: 'no allow policies matched' });
  return { allow: false, because: 'not allowed', text: 'allow policies exist, but none allowed', notes };
}

function firstMatch(policies: readonly CompiledPolicy[], connection: Attributes): string | undefined {
  for (const { matches, label } of policies) if (matches(connection)) return label;
  return undefined;
}
