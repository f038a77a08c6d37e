// The capture rules of one pod, as the text of one nftables transaction and the policy routes beside it. Pure: same facts, same text.
// Carried out by apply-rules.ts; compatible with the tables, marks and route table that Istio's node agent makes.
// The tunnel's own packets carry mark 0x539; connections that it opened towards the pod are remembered by connection mark 0x111.
import { isDeepStrictEqual } from 'node:util';
import type { Ip } from '@ambient-mesh/model/address';

export interface Capture {
  readonly ipv6: boolean;
  /** Turns DNS queries to the tunnel's DNS proxy too. */
  readonly dnsCapture: boolean;
  /** The pod takes its inbound connections itself, as a gateway does. */
  readonly ingress: boolean;
  /** Interfaces of virtual machines in the pod, whose outgoing connections arrive as if from outside. */
  readonly virtualInterfaces: readonly string[];
  /** Source of the node's health probes, which pass untouched. Default: Istio's own. */
  readonly probe?: { readonly v4: Ip; readonly v6: Ip } | undefined;
}

const probeDefault = { v4: '169.254.7.127', v6: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff' };

const nat = 'istio-ambient-nat';
const mangle = 'istio-ambient-mangle';
const raw = 'istio-ambient-raw';
/** All that are ever ours in a pod. */
export const captureTables = [nat, mangle, raw] as const;

type Hook = readonly [name: 'prerouting' | 'output', type: 'nat' | 'filter' | 'route', priority: number];
const hooks: Readonly<Record<(typeof captureTables)[number], readonly Hook[]>> = {
  [nat]: [
    ['prerouting', 'nat', -100],
    ['output', 'nat', -100],
  ],
  [mangle]: [
    ['prerouting', 'filter', -150],
    ['output', 'route', -150],
  ],
  [raw]: [
    ['prerouting', 'filter', -300],
    ['output', 'filter', -300],
  ],
};

const notOurs = 'mark and 0xfff != 0x539';
/**
 * Only a connection's first packet is turned. Connections that were open before the rules were written look new to the kernel as well, from
 * whichever packet it sees first: turned in the middle they would break.
 */
const first = 'tcp flags syn / fin,syn,rst,ack';

/** A name that the kernel takes, without the characters that would mean something to nft. */
export function isInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9_.:@-]{1,15}$/.test(name);
}

/**
 * Replaces whatever rules of ours are there, in one transaction. Throws RangeError for a virtual interface with an impossible name.
 * @param anew tables that are made from nothing, since other chains than ours are in them. All others are emptied and filled: their chains
 * stay, so that a packet that is on its way through them meets the old rules or the new ones, and never none.
 */
export function redirectRules(capture: Capture, anew: readonly string[] = []): string {
  const tables = [...natTable(capture), ...mangleTable()];
  return lines([...anew.flatMap(dropTable), ...tables, ...(capture.dnsCapture ? rawTable() : dropTable(raw))]);
}

/** Whether a table's chains can take our rules as they are. @param listed what the kernel lists of the table (listed-rules.ts) */
export function hasOurChains(name: (typeof captureTables)[number], listed: readonly object[]): boolean {
  const chains = hooks[name].flatMap(([chain, type, prio]) => [
    { family: 'inet', table: name, name: chain, type, hook: chain, prio, policy: 'accept' },
    { family: 'inet', table: name, name: `istio-${chain}` },
  ]);
  const isOurs = (entry: object): boolean =>
    'table' in entry || 'rule' in entry || ('chain' in entry && chains.some((chain) => isDeepStrictEqual(chain, entry.chain)));
  return listed.every(isOurs);
}

/** Takes every rule of ours away; no error when there is none. */
export function noRedirectRules(): string {
  return lines(captureTables.flatMap(dropTable));
}

/** Replies to connections opened under a client's address come back to this pod's own loopback, and so to the tunnel. */
export interface PolicyRoute {
  readonly family: '-4' | '-6';
  /** For `ip -batch`; the second fails with `File exists` when it is there. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export function policyRoutes(ipv6: boolean): PolicyRoute[] {
  const route = 'local default dev lo scope host table 100';
  const rule = 'fwmark 0x111/0xfff lookup 100 pref 32764';
  const add = [`route replace ${route}`, `rule add ${rule}`];
  const remove = [`rule del ${rule}`, `route del ${route}`];
  return (ipv6 ? (['-4', '-6'] as const) : (['-4'] as const)).map((family) => ({ family, add, remove }));
}

function natTable({
  ipv6,
  dnsCapture,
  ingress,
  virtualInterfaces,
  probe = probeDefault as NonNullable<Capture['probe']>,
}: Capture): string[] {
  /** The rule, and its IPv6 twin where IPv6 is on. */
  const both = (rule: (family: 'ip' | 'ip6', loopback: string, probe: string) => string) =>
    ipv6 ? [rule('ip', '127.0.0.1/32', probe.v4), rule('ip6', '::1/128', probe.v6)] : [rule('ip', '127.0.0.1/32', probe.v4)];
  const in_ = inChain(nat, 'istio-prerouting');
  const out = inChain(nat, 'istio-output');
  return [
    ...table(nat),
    ...virtualInterfaces.flatMap(virtualInterface),
    ...(ingress ? [] : both((ip, _, probe) => in_(`meta l4proto tcp ${ip} saddr ${probe} counter accept`))),
    ...both((ip, _, probe) => out(`meta l4proto tcp ${ip} daddr ${probe} counter accept`)),
    ...(ingress ? [] : both((ip, lo) => in_(`${ip} daddr != ${lo} tcp dport != 15008 ${first} ${notOurs} counter redirect to :15006`))),
    ...(dnsCapture
      ? [
          out(`oifname != lo udp dport 53 ${notOurs} counter redirect to :15053`),
          ...both((ip, lo) => out(`${ip} daddr != ${lo} tcp dport 53 ${first} ${notOurs} counter redirect to :15053`)),
        ]
      : []),
    out('meta l4proto tcp mark and 0xfff == 0x111 counter accept'),
    ...both((ip, lo) => out(`oifname lo ${ip} daddr != ${lo} counter accept`)),
    ...both((ip, lo) => out(`meta l4proto tcp ${ip} daddr != ${lo} ${first} ${notOurs} counter redirect to :15001`)),
  ];
}

function mangleTable(): string[] {
  return [
    ...table(mangle),
    inChain(mangle, 'istio-prerouting')('mark and 0xfff == 0x539 counter ct mark set ct mark and 0xfffff000 or 0x111'),
    inChain(mangle, 'istio-output')('ct mark and 0xfff == 0x111 counter meta mark set ct mark'),
  ];
}

/** The tunnel's own query may have the very addresses and ports of the query that it answers: separate zones keep them apart. */
function rawTable(): string[] {
  return [
    ...table(raw),
    inChain(raw, 'istio-output')('udp dport 53 mark and 0xfff == 0x539 counter ct zone set 1'),
    inChain(raw, 'istio-prerouting')(`udp sport 53 ${notOurs} counter ct zone set 1`),
  ];
}

function virtualInterface(name: string): string[] {
  if (!isInterfaceName(name)) throw new RangeError(`no interface can have the name ${JSON.stringify(name)}`);
  const rule = inChain(nat, 'istio-prerouting');
  return [rule(`iifname "${name}" ${first} counter redirect to :15001`), rule(`iifname "${name}" meta l4proto tcp counter return`)];
}

function table(name: (typeof captureTables)[number]): string[] {
  return [
    `add table inet ${name}`,
    `flush table inet ${name}`,
    ...hooks[name].map(
      ([chain, type, priority]) => `add chain inet ${name} ${chain} { type ${type} hook ${chain} priority ${priority} ; }`,
    ),
    ...hooks[name].map(([chain]) => `add chain inet ${name} istio-${chain}`),
    ...hooks[name].map(([chain]) => `add rule inet ${name} ${chain} jump istio-${chain}`),
  ];
}

const inChain = (table: string, chain: string) => (rule: string) => `add rule inet ${table} ${chain} ${rule}`;
const dropTable = (name: string) => [`add table inet ${name}`, `delete table inet ${name}`];
const lines = (all: readonly string[]) => `${all.join('\n')}\n`;
