// Requests that are not about objects: health, version, discovery, OpenAPI, and the keys that tokens are signed with.
// Called by kube-api.ts before resources.ts.
import { aggregated, aggregatedType, groupList, groupOf, legacyVersions, resourceList } from '../discovery/groups.ts';
import { openApiDocument, openApiIndex } from '../discovery/open-api.ts';
import type { KindRegistry } from '../kinds/registry.ts';
import { notAcceptable, resourceNotServed } from '../status-error.ts';
import { isJson, mediaRanges } from './accept.ts';
import { json, type Reply } from './context.ts';

export interface PageRequest {
  readonly method: string;
  readonly path: string;
  readonly accept: string | undefined;
  readonly host: string;
  readonly kinds: KindRegistry;
}

/** What the lab's API says it is: the version whose behaviour it has. */
const version = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.4+ambient-mesh-lab',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
} as const;

/** Anybody may ask for these. */
export function publicPage({ method, path }: PageRequest): Reply | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return { status: 200, type: 'text/plain; charset=utf-8', body: 'ok' };
  return path === '/version' || path === '/version/' ? json(version) : undefined;
}

/** Undefined: not one of these. */
export function page({ method, path, accept, host, kinds }: PageRequest): Reply | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const parts = path.split('/').filter((part) => part !== '');
  const [root, group = '', third = ''] = parts;
  if (root === 'openapi') return openApi(parts.slice(1), accept, kinds);
  if (parts.length === 0) return json({ paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'] });
  if (root !== 'api' && root !== 'apis') return undefined;
  if (parts.length === 1) {
    if (wantsAggregated(accept)) return { status: 200, type: aggregatedType, body: JSON.stringify(aggregated(kinds, root === 'api')) };
    return json(root === 'api' ? legacyVersions(host) : groupList(kinds));
  }
  if (root === 'api') return parts.length === 2 ? orNotServed(resourceList(kinds, '', group)) : undefined;
  if (parts.length === 2) return orNotServed(groupOf(kinds, group));
  return parts.length === 3 ? orNotServed(resourceList(kinds, group, third)) : undefined;
}

function orNotServed(found: unknown): Reply {
  if (found === undefined) throw resourceNotServed();
  return json(found);
}

const wantsAggregated = (accept: string | undefined): boolean =>
  mediaRanges(accept).some(({ parameters: { g, v, as } }) => g === 'apidiscovery.k8s.io' && v === 'v2' && as === 'APIGroupDiscoveryList');

function openApi([version, ...rest]: readonly string[], accept: string | undefined, kinds: KindRegistry): Reply {
  if (!mediaRanges(accept).some(isJson)) throw notAcceptable('only the following media types are accepted: application/json');
  if (version === 'v3') return orNotServed(rest.length === 0 ? openApiIndex(kinds) : openApiDocument(kinds, rest.join('/')));
  if (version !== 'v2' || rest.length > 0) throw resourceNotServed();
  return json({ swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.32.4' }, paths: {}, definitions: {} });
}
