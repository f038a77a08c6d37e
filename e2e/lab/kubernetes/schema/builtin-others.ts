// Schemas of the remaining built-in kinds: discovery, coordination, networking, access, API extension.
// Used by builtin.ts.
import { conditions, labelSelector, objectReference } from './builtin-meta.ts';
import {
  anything,
  boolean,
  defaulted,
  int32,
  int64,
  intOrString,
  list,
  listMap,
  mapOf,
  object,
  oneOf,
  open,
  setOf,
  string,
  strings,
  time,
  whole,
} from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const endpoint = object(
  {
    addresses: setOf(string),
    conditions: object({ ready: boolean, serving: boolean, terminating: boolean }),
    hostname: string,
    targetRef: objectReference,
    deprecatedTopology: mapOf(string),
    nodeName: string,
    zone: string,
    hints: anything,
  },
  'addresses',
);

const peer = object({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: object({ cidr: string, except: strings }, 'cidr'),
});
const protocol = defaulted(string, 'TCP');
const policyPorts = list(object({ protocol, port: intOrString, endPort: int32 }));

const subjects = list(whole(object({ kind: string, apiGroup: string, name: string, namespace: string }, 'kind', 'name')));
const roleRef = whole(object({ apiGroup: string, kind: string, name: string }, 'kind', 'name'));
const policyRules = list(
  object({ verbs: strings, apiGroups: strings, resources: strings, resourceNames: strings, nonResourceURLs: strings }, 'verbs'),
);

const accessSpec = {
  resourceAttributes: anything,
  nonResourceAttributes: anything,
  user: string,
  groups: strings,
  extra: mapOf(strings),
  uid: string,
};
const access = (fields: Readonly<Record<string, OpenApiSchema>>): Readonly<Record<string, OpenApiSchema>> => ({
  spec: object(fields),
  status: open({ allowed: boolean, denied: boolean, reason: string }),
});

const names = object(
  { plural: string, singular: string, shortNames: strings, kind: string, listKind: string, categories: strings },
  'plural',
  'kind',
);
const crdVersion = object(
  {
    name: string,
    served: boolean,
    storage: boolean,
    deprecated: boolean,
    deprecationWarning: string,
    schema: object({ openAPIV3Schema: anything }),
    subresources: object({ status: anything, scale: anything }),
    additionalPrinterColumns: list(
      object(
        { name: string, type: string, format: string, description: string, priority: int32, jsonPath: string },
        'name',
        'type',
        'jsonPath',
      ),
    ),
    selectableFields: list(object({ jsonPath: string }, 'jsonPath')),
  },
  'name',
  'served',
  'storage',
);

/** Fields beside apiVersion, kind and metadata, by group and kind. */
export const otherKinds: Readonly<Record<string, Readonly<Record<string, OpenApiSchema>>>> = {
  'discovery.k8s.io/EndpointSlice': {
    addressType: oneOf('FQDN', 'IPv4', 'IPv6'),
    endpoints: list(endpoint),
    ports: list(object({ name: defaulted(string, ''), protocol, port: int32, appProtocol: string })),
  },
  'coordination.k8s.io/Lease': {
    spec: object({
      holderIdentity: string,
      leaseDurationSeconds: { ...int32, minimum: 1 },
      acquireTime: time,
      renewTime: time,
      leaseTransitions: int32,
      strategy: string,
      preferredHolder: string,
    }),
  },
  'networking.k8s.io/NetworkPolicy': {
    spec: object({
      podSelector: labelSelector,
      ingress: list(object({ ports: policyPorts, from: list(peer) })),
      egress: list(object({ ports: policyPorts, to: list(peer) })),
      policyTypes: strings,
    }),
  },
  'authentication.k8s.io/TokenReview': { spec: object({ token: string, audiences: strings }), status: anything },
  'authentication.k8s.io/TokenRequest': {
    spec: object({ audiences: strings, boundObjectRef: objectReference, expirationSeconds: int64 }),
    status: anything,
  },
  'authentication.k8s.io/SelfSubjectReview': { status: anything },
  'authorization.k8s.io/SubjectAccessReview': access(accessSpec),
  'authorization.k8s.io/LocalSubjectAccessReview': access(accessSpec),
  'authorization.k8s.io/SelfSubjectAccessReview': access({ resourceAttributes: anything, nonResourceAttributes: anything }),
  'authorization.k8s.io/SelfSubjectRulesReview': { spec: object({ namespace: string }), status: anything },
  'rbac.authorization.k8s.io/Role': { rules: policyRules },
  'rbac.authorization.k8s.io/ClusterRole': {
    rules: policyRules,
    aggregationRule: object({ clusterRoleSelectors: list(labelSelector) }),
  },
  'rbac.authorization.k8s.io/RoleBinding': { subjects, roleRef },
  'rbac.authorization.k8s.io/ClusterRoleBinding': { subjects, roleRef },
  'apiextensions.k8s.io/CustomResourceDefinition': {
    spec: object(
      {
        group: string,
        names,
        scope: oneOf('Cluster', 'Namespaced'),
        versions: list(crdVersion),
        conversion: object({ strategy: oneOf('None', 'Webhook'), webhook: anything }, 'strategy'),
        preserveUnknownFields: boolean,
      },
      'group',
      'names',
      'scope',
      'versions',
    ),
    status: open({ conditions, storedVersions: strings, acceptedNames: names }),
  },
  'scheduling.k8s.io/PriorityClass': {
    value: int32,
    globalDefault: boolean,
    description: string,
    preemptionPolicy: string,
  },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': { webhooks: listMap(anything, ['name']) },
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': { webhooks: listMap(anything, ['name']) },
};
