// Who is in the mesh, by labels and by what the node agent has noted, and how to take everybody out. Used by uninstall: whoever is in when the
// mesh goes loses all connections, because redirect rules stay in pods.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { type Key, type Kind, keyText } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';

const modeLabel = 'istio.io/dataplane-mode';
const redirection = 'ambient.istio.io/redirection';

interface Member extends Key {
  readonly isLabelled: boolean;
  /** Enrolled, or about to be. */
  readonly isRedirected: boolean;
}

const narrow = (raw: unknown): Member => {
  const { namespace, name, labels, annotations } = objectOf(objectOf(raw).metadata);
  return {
    namespace: textOf(namespace),
    name: textOf(name),
    isLabelled: objectOf(labels)[modeLabel] === 'ambient',
    isRedirected: textOf(objectOf(annotations)[redirection]) !== '',
  };
};
const namespaces: Kind<Member> = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false, narrow };
const pods: Kind<Member> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true, narrow };

export interface Enrolled {
  /** Labelled ones. */
  readonly namespaces: readonly Key[];
  /** Pods with a label of their own. */
  readonly pods: readonly Key[];
  /** Pods that are redirected, for whatever reason. */
  readonly redirected: readonly Key[];
}

export async function whoIsEnrolled(client: KubeClient, signal: AbortSignal): Promise<Enrolled> {
  const [spaces, all] = await Promise.all([client.list(namespaces, {}, { signal }), client.list(pods, {}, { signal })]);
  return {
    namespaces: spaces.items.filter(({ isLabelled }) => isLabelled),
    pods: all.items.filter(({ isLabelled }) => isLabelled),
    redirected: all.items.filter(({ isRedirected }) => isRedirected),
  };
}

/** Takes the labels off; the node agents then take the pods out. @param say gets a line for each */
export async function takeOut(client: KubeClient, enrolled: Enrolled, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const body = { metadata: { labels: { [modeLabel]: null } } };
  const take = async (kind: Kind<Member>, key: Key): Promise<void> => {
    await client.patch(kind, key, { type: 'merge', body, manager: 'ambientctl' }, { signal });
    say(`${kind.kind.toLowerCase()} ${keyText(key)} taken out of the mesh`);
  };
  for (const key of enrolled.namespaces) await take(namespaces, { namespace: '', name: key.name });
  for (const key of enrolled.pods) await take(pods, key);
}
