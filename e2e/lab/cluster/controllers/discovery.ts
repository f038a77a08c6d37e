// Which kinds the API server serves, custom ones included: those whose objects can be listed, watched and deleted.
// Asked by garbage.ts and namespace-deletion.ts, which must know of everything there is.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import type { OwnerReference } from '../objects.ts';

/** An object as far as ownership and deletion go. */
export interface Thing {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Only with finalizers: they are changed one after the other. */
  readonly version: string;
  readonly owners: readonly OwnerReference[];
  readonly finalizers: readonly string[];
  readonly deleting: boolean;
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}
interface GroupList {
  readonly groups?: readonly { readonly name: string; readonly preferredVersion: { readonly version: string } }[];
}

/** Each kind once, in its group's preferred version. Events are left out: nobody owns them, and there are many. */
export async function discover(client: KubeClient, signal: AbortSignal): Promise<Kind<Thing>[]> {
  const get = (path: string) => client.request({ verb: 'discover', about: path, method: 'GET', path }, { signal });
  const { groups = [] } = (await get('/apis')) as GroupList;
  const versions = [
    { group: '', version: 'v1', path: '/api/v1' },
    ...groups.map(({ name, preferredVersion: { version } }) => ({ group: name, version, path: `/apis/${name}/${version}` })),
  ];
  const found = await Promise.all(
    versions.map(async ({ group, version, path }) => {
      const { resources = [] } = (await get(path).catch(emptyIfGone)) as ResourceList;
      return resources
        .filter(
          ({ name, verbs }) =>
            !name.includes('/') && name !== 'events' && ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)),
        )
        .map(({ name, kind, namespaced }): Kind<Thing> => ({ group, version, plural: name, kind, namespaced, narrow }));
    }),
  );
  return found.flat();
}

/** A group may go between the two questions. */
function emptyIfGone(e: unknown): ResourceList {
  if (statusOf(e) === 404) return {};
  throw e;
}

function narrow(raw: unknown): Thing | undefined {
  const { metadata = {} } = raw as { metadata?: Record<string, unknown> };
  const { namespace = '', name, uid, resourceVersion, ownerReferences = [], finalizers = [], deletionTimestamp } = metadata;
  if (typeof name !== 'string' || typeof uid !== 'string') return undefined;
  const isHeld = Array.isArray(finalizers) && finalizers.length > 0;
  return {
    namespace: String(namespace),
    name,
    uid,
    version: isHeld ? String(resourceVersion) : '',
    owners: ownerReferences as readonly OwnerReference[],
    finalizers: finalizers as readonly string[],
    deleting: deletionTimestamp !== undefined,
  };
}
