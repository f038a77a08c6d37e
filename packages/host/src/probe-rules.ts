// The node's rules for health probes, as text: its own connections to enrolled pods come from an address that their capture rules let pass
// (facts: control-plane §2.11). Pure; carried out by probe-set.ts in the node's namespace.
import { familyOf, type Ip } from '@ambient-mesh/model/address';

export interface ProbeNode {
  /** Whose connections are probes; undefined: those of any local process. Forwarded traffic, the pods' own, never is. */
  readonly kubeletUid: number | undefined;
  readonly ipv6: boolean;
  readonly probe: { readonly v4: Ip; readonly v6: Ip };
}

export const probeTable = 'istio-ambient-nat';
const probeSets = { 4: 'istio-inpod-probes-v4', 6: 'istio-inpod-probes-v6' } as const;

/** The whole table, in one transaction. Each address is told with the uid of the pod that has it. */
export function probeRules({ kubeletUid, ipv6, probe }: ProbeNode, pods: ReadonlyMap<Ip, string>): string {
  const families = ipv6 ? ([4, 6] as const) : ([4] as const);
  const who = kubeletUid === undefined ? '>= 0' : `${kubeletUid}`;
  const table = `inet ${probeTable}`;
  return lines([
    ...noTable,
    `add table ${table}`,
    `add chain ${table} postrouting { type nat hook postrouting priority 100 ; }`,
    ...families.flatMap((family) => {
      const [ip, type, from] = family === 4 ? ['ip', 'ipv4_addr', probe.v4] : ['ip6', 'ipv6_addr', probe.v6];
      const set = probeSets[family];
      const elements = Array.from(pods, ([address, uid]) => (familyOf(address) === family ? [`${address} comment "${uid}"`] : [])).flat();
      return [
        `add set ${table} ${set} { type ${type} ; }`,
        ...(elements.length === 0 ? [] : [`add element ${table} ${set} { ${elements.join(', ')} }`]),
        `add rule ${table} postrouting meta l4proto tcp meta skuid ${who} ${ip} daddr @${set} counter snat ${ip} to ${from}`,
      ];
    }),
  ]);
}

const noTable = [`add table inet ${probeTable}`, `delete table inet ${probeTable}`];

/** Takes all of it away; no error when there is none. */
export const noProbeRules = (): string => lines(noTable);

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
