// What can be done with a resource, and which subresources it has: tables for discovery.
// Carried out by serve/.
import type { Resource } from '../kinds/registry.ts';

export interface Subresource {
  readonly name: string;
  /** Of what it answers. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export function verbsOf({ isReview, stored }: Resource): readonly string[] {
  if (isReview) return ['create'];
  // Whoever deletes all namespaces means to delete the cluster.
  return stored === 'namespaces' ? allVerbs.filter((verb) => verb !== 'deletecollection') : allVerbs;
}

const builtin: Readonly<Record<string, readonly Subresource[]>> = {
  namespaces: [{ name: 'finalize', group: '', version: 'v1', kind: 'Namespace', verbs: ['update'] }],
  serviceaccounts: [{ name: 'token', group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] }],
  pods: [
    { name: 'attach', group: '', version: 'v1', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', group: '', version: 'v1', kind: 'Binding', verbs: ['create'] },
    { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    { name: 'exec', group: '', version: 'v1', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', group: '', version: 'v1', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', group: '', version: 'v1', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  ],
};

const readAndWrite = ['get', 'patch', 'update'];

export function subresourcesOf({ group, version, kind, stored, isBuiltin, hasStatus, scale }: Resource): readonly Subresource[] {
  return [
    ...(isBuiltin ? (builtin[stored] ?? []) : []),
    ...(scale === undefined ? [] : [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: readAndWrite }]),
    ...(hasStatus ? [{ name: 'status', group, version, kind, verbs: readAndWrite }] : []),
  ];
}
