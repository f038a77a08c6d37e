// Where a way ends: what the tunnel of each endpoint says to whoever arrives. Pure.
// Called by explain.ts for clients and by routed.ts for waypoints; decided by the model's authorize, as in the node tunnel.
import type { Ip } from '@ambient-mesh/model/address';
import { authorize, type Verdict } from '@ambient-mesh/model/authorize';
import type { Upstream } from '@ambient-mesh/model/endpoint-choice';
import { chooseChain } from '@ambient-mesh/model/l7/chain';
import type { Workload } from '@ambient-mesh/model/workload';
import { addressLike, allowed, type Inquiry, nameOf, type Outcome, refused } from './explanation.ts';
import { calledByUsers, ruleThatHeld } from './policy-words.ts';

export interface Sent {
  readonly from: Workload;
  /** The address that was dialled: others of its family are taken. */
  readonly like: Ip;
  /** Whoever receives it learns of no identity. */
  readonly inClear: boolean;
}

interface Said {
  readonly says: string;
  readonly outcome: Outcome;
}

/** Ports that the tunnel itself listens on in every pod. */
const tunnelPorts: ReadonlySet<number> = new Set([15_001, 15_006, 15_008]);
/** Endpoints that say the same are one step, which names this many. */
const mostNamed = 3;

/** One outcome for each endpoint: one of them will be it. */
export function arrivals(inquiry: Inquiry, endpoints: readonly Upstream[], sent: Sent): readonly Outcome[] {
  const same = Map.groupBy(
    endpoints.map((endpoint) => ({ at: nameOf(endpoint.workload), ...arrival(inquiry, endpoint, sent) })),
    ({ says }) => says,
  );
  for (const [says, all] of same) {
    const names = all.slice(0, mostNamed).map(({ at }) => at);
    const more = all.length - names.length;
    inquiry.steps.push({ at: `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`, says });
  }
  return [...same.values()].flat().map(({ outcome }) => outcome);
}

function arrival(inquiry: Inquiry, { workload, port, service }: Upstream, sent: Sent): Said {
  const { known } = inquiry;
  const source = addressLike(sent.from, sent.like) ?? sent.like;
  const ip = addressLike(workload, sent.like, service?.ipFamilies);
  if (workload.protocol === 'TCP')
    return { says: `is not in the mesh: port ${port} is reached in clear, and no policy of the mesh is enforced there`, outcome: allowed };
  if (sent.inClear && (workload.nativeTunnel || known.bypassing.has(workload.uid)))
    return {
      says: `takes its inbound connections itself: port ${port} is reached in clear, past every policy of tunnels`,
      outcome: allowed,
    };
  if (tunnelPorts.has(port)) {
    const says = `port ${port} belongs to the tunnel itself`;
    return { says, outcome: refused(says) };
  }
  if (workload.nativeTunnel) return atTunnel(inquiry, workload, { ip: ip ?? sent.like, port });
  const connection = {
    source: { ip: source },
    destination: { ip: ip ?? sent.like, port: sent.inClear ? port : (workload.applicationTunnel?.port ?? port) },
    ...(!sent.inClear && { identity: sent.from.identity }),
  };
  const verdict = authorize(known.mesh, workload, connection);
  const who = sent.inClear ? `${source} in clear, without an identity,` : sent.from.identity.uri;
  const way = encryption(sent, workload);
  const rule = ruleThatHeld(known.mesh, workload, connection, verdict);
  const said = [why(inquiry, workload, verdict), rule].filter((each) => each !== '').join(', ');
  const dry = verdict.notes.flatMap(({ message, policy = '' }) =>
    message.startsWith('dry-run: ') ? [`; ${dryRun(message, policy)}`] : [],
  );
  if (!verdict.allow) {
    const by = verdict.policy === undefined ? allowing(inquiry, workload) : calledByUsers(verdict.policy);
    return { says: `port ${port} refuses ${who} by ${said}${dry.join('')}`, outcome: { outcome: 'denied', by } };
  }
  const by = allowedBy(verdict);
  return {
    says: `port ${port} lets ${who} in${way}${said === '' ? '' : `, by ${said}`}${dry.join('')}`,
    outcome: { outcome: 'allowed', by },
  };
}

function encryption({ from, inClear }: Sent, to: Workload): string {
  if (inClear) return '';
  // Only clients whose own tunnel is at work are in the mesh themselves: proxies dial for real.
  if (from.protocol === 'TCP' || from.nativeTunnel || from.node !== to.node || from.node === '') return ', over mutual TLS';
  return ', on the same node: its identity is known, and nothing crosses a wire';
}

const allowedBy = ({ notes }: Verdict): string => {
  const note = notes.find(({ message }) => message === 'allow policy match');
  return note?.policy === undefined ? '' : calledByUsers(note.policy);
};

/** Empty: nothing has to allow it. */
function why(inquiry: Inquiry, workload: Workload, verdict: Verdict): string {
  if (verdict.allow) return allowedBy(verdict);
  if (verdict.because === 'never received') return `${verdict.policy ?? ''}, a policy that it lists and that does not exist`;
  return verdict.policy === undefined ? allowing(inquiry, workload) : calledByUsers(verdict.policy);
}

function allowing({ known }: Inquiry, workload: Workload): string {
  const labels = known.mesh.policiesFor(workload).allow.map(({ label }) => calledByUsers(label));
  const names = labels.slice(0, mostNamed).join(', ');
  return `no rule of ${names}${labels.length > mostNamed ? ` and ${labels.length - mostNamed} more` : ''}, which allow${labels.length === 1 ? 's' : ''} others`;
}

const dryRun = (message: string, policy: string): string =>
  message === 'dry-run: deny policy match'
    ? `dry run: ${policy} would deny it`
    : message === 'dry-run: allow policy match'
      ? `dry run: ${policy} would allow it`
      : 'dry run: no ALLOW policy would allow it';

/** A proxy that was dialled itself: a waypoint serves what is attached to it, and nothing else. */
function atTunnel({ known }: Inquiry, self: Workload, authority: { readonly ip: Ip; readonly port: number }): Said {
  const chosen = chooseChain(known.mesh, { self, selfIp: authority.ip, network: self.network, authority, clientNamespace: '' });
  if (!('refuse' in chosen)) return { says: 'ends the tunnel itself, and decides the rest', outcome: allowed };
  return { says: `ends the tunnel itself, and has nothing to serve there: ${chosen.refuse}`, outcome: refused(chosen.refuse) };
}
