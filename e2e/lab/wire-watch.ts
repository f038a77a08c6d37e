// Watches what really crosses a link: counts TCP segments between the nodes by port, with rules of its own in the underlay.
// Sees every forwarded frame because the bridge is made to pass them through the packet filter's `bridge` family.
// Used by the scenarios that claim "nothing but 15008 on the wire".
import { spawnSync } from 'node:child_process';
import type { Netns } from '@ambient-mesh/host/netns';

const rules = `
table bridge lab-watch {
  counter hbone { }
  counter other { }
  chain forward {
    type filter hook forward priority 0; policy accept;
    # The mesh's own talk with its control plane is TLS, and nobody's traffic.
    meta l4proto tcp tcp dport 15012 accept
    meta l4proto tcp tcp sport 15012 accept
    ether type ip ip saddr 10.0.0.0/8 meta l4proto tcp tcp dport 15008 counter name hbone accept
    ether type ip ip saddr 10.0.0.0/8 meta l4proto tcp tcp sport 15008 counter name hbone accept
    ether type ip6 ip6 saddr fd00:10::/32 meta l4proto tcp tcp dport 15008 counter name hbone accept
    ether type ip6 ip6 saddr fd00:10::/32 meta l4proto tcp tcp sport 15008 counter name hbone accept
    ether type ip ip saddr 10.0.0.0/8 meta l4proto tcp counter name other
    ether type ip6 ip6 saddr fd00:10::/32 meta l4proto tcp counter name other
  }
}
`;

export interface Crossed {
  /** TCP segments from pods, to or from port 15008. */
  readonly hbone: number;
  /** TCP segments from pods, any other port; those of the control plane are left out. */
  readonly other: number;
}

/** @param underlay the namespace of the bridge */
export function watchWire(underlay: Netns): { readonly crossed: () => Crossed } & Disposable {
  nft(underlay, ['-f', '-'], rules);
  return {
    crossed() {
      const { nftables } = JSON.parse(nft(underlay, ['-j', 'list', 'counters', 'table', 'bridge', 'lab-watch'])) as {
        nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[];
      };
      const packets = (name: string): number => nftables.find((o) => o.counter?.name === name)?.counter?.packets ?? 0;
      return { hbone: packets('hbone'), other: packets('other') };
    },
    [Symbol.dispose]: () => void nft(underlay, ['delete', 'table', 'bridge', 'lab-watch']),
  };
}

function nft(netns: Netns, argv: readonly string[], input = ''): string {
  const done = netns.run(() => spawnSync('nft', argv, { input, encoding: 'utf8' }));
  if (done.status !== 0) throw new Error(`nft ${argv.join(' ')} failed: ${done.stderr}`);
  return done.stdout;
}
