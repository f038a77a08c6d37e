// IP addresses, socket addresses and CIDR blocks as plain, canonical data.
// Everything that crosses a boundary (wire, kernel, file) becomes canonical here, so that equality is `===` everywhere else.

/** Canonical text of an IP address: IPv4 dotted decimal or RFC 5952 IPv6; IPv4-mapped IPv6 is already unwrapped to IPv4. */
export type Ip = string & { readonly is: 'ip' };

export interface SocketAddress {
  readonly ip: Ip;
  /** 0 to 65535. */
  readonly port: number;
}

/** An IP on a named network; the network is `""` in a mesh of one network. */
export interface NetworkAddress {
  readonly network: string;
  readonly ip: Ip;
}

export type Family = 4 | 6;
