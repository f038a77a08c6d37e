// Where a redirect leads (facts: gateway-api-mesh §3.5). Pure. Called by the waypoint, which answers with it.
import { editPath } from './path-edit.ts';
import type { Filter } from './route.ts';

export type Redirect = Extract<Filter, { readonly filter: 'redirect' }>;

/** The part of a request that a redirect starts from. */
export interface RedirectFrom {
  readonly scheme: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Value of `location`, always absolute. `servicePort`: what the client dialled; the port unless the redirect gives one, or a scheme. */
export function locationOf(
  request: RedirectFrom,
  { scheme: wanted, hostname, port: given, path: edit, portFrom }: Redirect,
  servicePort: number,
): string {
  const scheme = wanted ?? request.scheme;
  const asked = splitAuthority(request.authority);
  const derived = portFrom === 'request' ? asked.port : portFrom === 'scheme' || wanted !== undefined ? undefined : servicePort;
  const port = given ?? derived;
  const at = port === undefined || port === defaultPorts[scheme] ? '' : `:${port}`;
  const path = edit === undefined ? request.path : editPath(request.path, edit);
  return `${scheme}://${hostname ?? asked.host}${at}${path}`;
}

/** Brackets of an IPv6 address stay. */
function splitAuthority(authority: string): { readonly host: string; readonly port: number | undefined } {
  const found = /^(.*):(\d{1,5})$/s.exec(authority);
  if (found === null || (authority.startsWith('[') && !found[1]?.endsWith(']'))) return { host: authority, port: undefined };
  return { host: found[1] ?? '', port: Number(found[2]) };
}
