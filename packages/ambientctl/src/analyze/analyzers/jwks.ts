// IST0175: keys of tokens that are fetched from where anybody could lead the fetch, or over a connection that can be tampered with.
import { isIP } from 'node:net';
import type { Analyzer } from '../analyzer.ts';
import { finding } from '../finding.ts';

export const jwks: Analyzer = {
  name: 'authn.JwksUriAnalyzer',
  about: 'keys of tokens come from a public address over TLS',
  codes: ['IST0175'],
  *run({ objects }) {
    for (const { meta, rules } of objects.requestAuthentications.values())
      for (const { jwksUri } of rules) {
        const why = jwksUri === '' ? undefined : troubleWith(jwksUri);
        if (why !== undefined) yield finding('IST0175', { kind: 'RequestAuthentication', ...meta }, `jwksUri ${jwksUri} ${why}.`);
      }
  },
};

function troubleWith(uri: string): string | undefined {
  if (!URL.canParse(uri)) return 'is no address';
  const { protocol, hostname } = new URL(uri);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isInside.test(host)) return 'is an address inside the cluster, or of the node';
  if (host === 'localhost') return 'is the waypoint itself';
  // The mesh itself encrypts the way to its own services.
  const isService = !host.includes('.') || /\.svc(\.|$)/.test(host);
  return protocol === 'https:' || isService ? undefined : 'is not https: whoever is on the way can replace the keys';
}

/** Loopback, link-local (where clouds keep credentials) and private ranges. */
const isInside = /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.|^(::1?$|f[cde])/i;
