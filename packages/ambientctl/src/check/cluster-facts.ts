// What must hold of a cluster before a mesh is installed in it, asked of its API server: version, kinds, rights, nodes. Judged by cluster.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { describeError } from '@ambient-mesh/runtime/errors';
import { allKinds } from '@ambient-mesh/translate/kinds/all';

/** What could be found out, or why it could not. */
export type Found<T> = { readonly found: T } | { readonly why: string };

export interface ClusterFacts {
  /** As the server writes it: `v1.33.1`. */
  readonly version: string;
  /** `plural.group/version` of the mesh's own kinds that the server does not serve. */
  readonly undefinedKinds: readonly string[];
  /** What the user may not do, in words. */
  readonly denied: readonly string[];
  readonly nodes: Found<readonly RawObject[]>;
  /** Labels of the namespace where the mesh is, or is to be; undefined: there is none yet. */
  readonly systemLabels: RawObject | undefined;
  readonly systemNamespace: string;
}

/** @param isBefore the installation: asks for the rights that it needs; otherwise for those that looking takes. @throws what the client throws */
export async function clusterFacts(
  client: KubeClient,
  systemNamespace: string,
  isBefore: boolean,
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const get = (path: string): Promise<RawObject> =>
    client.request({ verb: 'get', about: path, method: 'GET', path }, { signal }).then(objectOf);
  // Whoever cannot be asked this cannot be asked anything.
  const { gitVersion } = await get('/version');
  const [undefinedKinds, denied, nodes, system] = await Promise.all([
    missingKinds(get),
    deniedRights(client, rightsFor(systemNamespace, isBefore), signal),
    attempt(get('/api/v1/nodes').then(({ items }) => objectsOf(items))),
    attempt(get(`/api/v1/namespaces/${encodeURIComponent(systemNamespace)}`)),
  ]);
  const systemLabels = 'found' in system ? objectOf(objectOf(system.found.metadata).labels) : undefined;
  return { version: textOf(gitVersion), undefinedKinds, denied, nodes, systemLabels, systemNamespace };
}

export async function attempt<T>(work: Promise<T>): Promise<Found<T>> {
  try {
    return { found: await work };
  } catch (e) {
    return { why: describeError(e) };
  }
}

/** Kinds of the mesh, that is of groups with somebody's domain. */
async function missingKinds(get: (path: string) => Promise<RawObject>): Promise<readonly string[]> {
  const own = Object.values(allKinds).filter(({ group }) => group.endsWith('.istio.io') || /^gateway\.|^ambient-mesh\./.test(group));
  const places = [...new Set(own.map(({ group, version }) => `${group}/${version}`))];
  const served = await Promise.all(
    places.map(async (place) => {
      const { resources } = await get(`/apis/${place}`).catch((e: unknown) => {
        if (statusOf(e) !== 404) throw e;
        return { resources: [] };
      });
      return objectsOf(resources).map(({ name }) => `${textOf(name)}.${place}`);
    }),
  );
  const all = new Set(served.flat());
  return own.map(({ plural, group, version }) => `${plural}.${group}/${version}`).filter((name) => !all.has(name));
}

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

const rightsFor = (namespace: string, isBefore: boolean): readonly Right[] =>
  isBefore
    ? [
        { verb: 'create', group: '', resource: 'namespaces' },
        { verb: 'create', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
        { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
        { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
        { verb: 'create', group: 'apps', resource: 'deployments', namespace },
        { verb: 'create', group: 'apps', resource: 'daemonsets', namespace },
        { verb: 'create', group: '', resource: 'services', namespace },
        { verb: 'create', group: '', resource: 'serviceaccounts', namespace },
        { verb: 'create', group: '', resource: 'configmaps', namespace },
      ]
    : [{ verb: 'create', group: '', resource: 'pods', subresource: 'portforward', namespace }];

/** A server that does not answer such questions denies nothing. */
async function deniedRights(client: KubeClient, rights: readonly Right[], signal: AbortSignal): Promise<readonly string[]> {
  const asked = rights.map(async (right) => {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: right },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await attempt(
      client.request({ verb: 'create', about: 'SelfSubjectAccessReview', method: 'POST', path, body }, { signal }),
    );
    const isDenied = 'found' in answer && objectOf(objectOf(answer.found).status).allowed === false;
    return isDenied ? [wordsOf(right)] : [];
  });
  return (await Promise.all(asked)).flat();
}

const wordsOf = ({ verb, resource, subresource, namespace }: Right): string =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
