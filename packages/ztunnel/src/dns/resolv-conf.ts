// Reads /etc/resolv.conf (resolv.conf(5)): where to forward, and how patiently. Pure.
// The text comes from config.ts; forward.ts uses the servers. Search lists are left to the client, whose names arrive complete.
import { type Ip, parseIp, type SocketAddress } from '@ambient-mesh/model/address';

export interface ResolvConf {
  /** In order of preference; never empty: without a `nameserver` line it is the local machine, as resolv.conf(5) says. */
  readonly servers: readonly SocketAddress[];
  /** Suffixes in order, lower case, without final dots; used as the client's search list in dedicated mode. */
  readonly search: readonly string[];
  /** Seconds that one try may take. Default 5, at most 30. */
  readonly timeoutS: number;
  /** Rounds through the servers. Default 2, at most 5. */
  readonly attempts: number;
  /** Whether queries are spread over the servers instead of starting at the first. */
  readonly rotate: boolean;
}

/** glibc looks at no more than three. */
const maxServers = 3;
const maxSearch = 32;
const dnsPort = 53;
const localServer: SocketAddress = { ip: '127.0.0.1' as Ip, port: dnsPort };

/** Never fails: what is not understood is skipped, as every resolver does. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: SocketAddress[] = [];
  let search: readonly string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [keyword, ...values] = (line.split(/[#;]/, 1)[0] ?? '').trim().split(/\s+/);
    if (keyword === 'nameserver') {
      const ip = parseIp(values[0] ?? '');
      if (ip !== undefined && servers.length < maxServers) servers.push({ ip, port: dnsPort });
    } else if (keyword === 'search' || keyword === 'domain') {
      search = values
        .slice(0, keyword === 'domain' ? 1 : maxSearch)
        .map((name) => name.toLowerCase().replace(/\.$/, ''))
        .filter((name) => name !== '');
    } else if (keyword === 'options') {
      for (const value of values) {
        const [name = '', setting = ''] = value.split(':');
        options.set(name, setting);
      }
    }
  }
  return {
    servers: servers.length > 0 ? servers : [localServer],
    search,
    timeoutS: within(options.get('timeout'), 5, 30),
    attempts: within(options.get('attempts'), 2, 5),
    rotate: options.has('rotate'),
  };
}

function within(text: string | undefined, otherwise: number, most: number): number {
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : otherwise;
  return Math.min(Math.max(value, 1), most);
}
