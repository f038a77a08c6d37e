// The labels and annotations of ambient mode: where each belongs, and which values it takes (facts: control-plane §1.4). Pure data, read by annotations.ts.

export interface Word {
  readonly as: 'label' | 'annotation';
  readonly on: readonly string[];
  /** For people: what it takes; and the rule behind it. Absent: anything. */
  readonly takes?: readonly [about: string, rule: RegExp];
}

const flag: Word['takes'] = ['true or false', /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/];
const name: Word['takes'] = ['the name of a Gateway, or none', /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/];
const bound = ['Service', 'ServiceEntry', 'WorkloadEntry', 'Pod', 'Namespace'] as const;
const canaried = ['Service', 'ServiceEntry', 'Namespace'] as const;
const gateways = ['Gateway', 'GatewayClass'] as const;

export const words: Readonly<Record<string, Word>> = {
  'istio.io/dataplane-mode': { as: 'label', on: ['Namespace', 'Pod'], takes: ['ambient or none', /^(ambient|none)$/] },
  'istio.io/use-waypoint': { as: 'label', on: bound, takes: name },
  'istio.io/use-waypoint-namespace': { as: 'label', on: bound, takes: ['the name of a namespace', /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/] },
  'istio.io/use-waypoint-canary': { as: 'label', on: canaried, takes: name },
  'istio.io/use-waypoint-canary-namespace': { as: 'label', on: canaried },
  'istio.io/use-waypoint-canary-weight': { as: 'annotation', on: canaried, takes: ['a whole number from 0 to 100', /^\+?0*(100|\d\d?)$/] },
  'istio.io/ingress-use-waypoint': { as: 'label', on: canaried, takes: flag },
  'istio.io/waypoint-for': { as: 'label', on: gateways, takes: ['service, workload, all or none', /^(service|workload|all|none)$/] },
  'istio.io/dry-run': { as: 'annotation', on: ['AuthorizationPolicy'], takes: flag },
  'istio.io/connect-strategy': {
    as: 'annotation',
    on: ['ServiceEntry'],
    takes: ['RACE_FIRST_TCP_CONNECT', /^(RACE_FIRST_TCP_CONNECT|DEFAULT)$/],
  },
  'istio.io/reroute-virtual-interfaces': { as: 'annotation', on: ['Pod'] },
  'ambient.istio.io/redirection': {
    as: 'annotation',
    on: ['Pod'],
    takes: ['enabled or pending (and is written by the node agent alone)', /^(enabled|pending)$/],
  },
  'ambient.istio.io/bypass-inbound-capture': { as: 'annotation', on: ['Pod'], takes: flag },
  'ambient.istio.io/dns-capture': { as: 'annotation', on: ['Pod'], takes: flag },
  'ambient.istio.io/waypoint-inbound-binding': {
    as: 'annotation',
    on: gateways,
    takes: ['NONE or PROXY, with /port perhaps', /^(NONE|PROXY)(\/\d{1,5})?$/],
  },
  'ambient.istio.io/xfcc-include-client-identity': { as: 'annotation', on: ['Gateway', 'Pod', 'Deployment'], takes: flag },
  'ambient-mesh.dev/require-waypoint': { as: 'annotation', on: ['Service', 'ServiceEntry', 'Namespace'], takes: flag },
  'networking.istio.io/traffic-distribution': {
    as: 'annotation',
    on: ['Service', 'ServiceEntry', 'Namespace'],
    takes: ['PreferClose, PreferSameZone, PreferSameNode or Any', /^(PreferClose|PreferSameZone|PreferSameNode|Any)$/i],
  },
};

/** Whatever begins so belongs to the mesh alone; of `istio.io/` and others, sidecars have words of their own. */
export const ownDomains = ['ambient.istio.io/', 'ambient-mesh.dev/'] as const;
