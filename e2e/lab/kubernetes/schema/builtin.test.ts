// Admission of built-in kinds: what the API server fills in, what it refuses, what never changes. Each row was compared with a real one.
import { describe, expect, test } from 'vitest';
import type { JsonObject, KubeObject } from '../patch/json.ts';
import { builtinSchema, groupOf } from './builtin.ts';
import { type Admission, admit } from './validate.ts';

function admitted(apiVersion: string, kind: string, content: JsonObject, old?: JsonObject): Admission {
  const schema = builtinSchema(groupOf(apiVersion), kind);
  if (schema === undefined) throw new Error(`no schema of ${kind}`);
  const object = ({ metadata, ...rest }: JsonObject): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name: 'it', ...(metadata as JsonObject) },
    ...rest,
  });
  return admit(schema, object(content), old && object(old), { fieldValidation: 'Strict' });
}

const errorsOf = ({ errors }: Admission): string[] => errors.map(({ path, message }) => `${path}: ${message}`);
const container = { name: 'c', image: 'nginx' };
const labels = { app: 'web' };
const deployment = (changes: JsonObject = {}, pod: JsonObject = {}): JsonObject => ({
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container], ...pod } }, ...changes },
});
const withContainer = (content: JsonObject): JsonObject => deployment({}, { containers: [{ ...container, ...content }] });
const ports = (...list: JsonObject[]): JsonObject => ({ spec: { ports: list } });

const filledContainer = {
  ...container,
  imagePullPolicy: 'Always',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const filledPod = {
  containers: [filledContainer],
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};

describe('what is filled in', () => {
  const rows: readonly (readonly [name: string, apiVersion: string, kind: string, given: JsonObject, spec: JsonObject])[] = [
    [
      'of a deployment',
      'apps/v1',
      'Deployment',
      deployment(),
      {
        progressDeadlineSeconds: 600,
        replicas: 1,
        revisionHistoryLimit: 10,
        selector: { matchLabels: labels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        template: { metadata: { labels }, spec: filledPod },
      },
    ],
    [
      'of a pod on its node: ports of the node, requests as high as limits, amounts as texts',
      'v1',
      'Pod',
      {
        spec: {
          hostNetwork: true,
          containers: [{ ...container, image: 'a:1', ports: [{ containerPort: 80 }], resources: { limits: { cpu: 0.5 } } }],
        },
      },
      {
        ...filledPod,
        enableServiceLinks: true,
        hostNetwork: true,
        containers: [
          {
            ...filledContainer,
            image: 'a:1',
            imagePullPolicy: 'IfNotPresent',
            ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
            resources: { limits: { cpu: '500m' }, requests: { cpu: '500m' } },
          },
        ],
      },
    ],
    [
      'of a service',
      'v1',
      'Service',
      ports({ port: 80 }),
      { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }], sessionAffinity: 'None', type: 'ClusterIP' },
    ],
    [
      'of a job',
      'batch/v1',
      'Job',
      { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
      {
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        completions: 1,
        manualSelector: false,
        parallelism: 1,
        podReplacementPolicy: 'TerminatingOrFailed',
        suspend: false,
        template: { metadata: {}, spec: { ...filledPod, restartPolicy: 'Never' } },
      },
    ],
    [
      'of a network policy',
      'networking.k8s.io/v1',
      'NetworkPolicy',
      { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] } },
      { podSelector: {}, ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }], policyTypes: ['Ingress'] },
    ],
  ];
  test.each(rows)('%s', (_, apiVersion, kind, given, spec) => {
    const answer = admitted(apiVersion, kind, given);
    expect(errorsOf(answer)).toEqual([]);
    expect(answer.object.spec).toEqual(spec);
  });
});

describe('what is refused', () => {
  const rows: readonly (readonly [name: string, apiVersion: string, kind: string, given: JsonObject, errors: readonly string[]])[] = [
    [
      'a deployment without selector',
      'apps/v1',
      'Deployment',
      { spec: { template: {} } },
      [
        'spec.selector: Required value',
        'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
        'spec.template.spec.containers: Required value',
      ],
    ],
    [
      'an empty selector',
      'apps/v1',
      'Deployment',
      deployment({ selector: {} }),
      ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    ],
    [
      'a selector that does not select',
      'apps/v1',
      'Deployment',
      deployment({ selector: { matchLabels: { a: 'b' } } }),
      ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ],
    [
      'fewer than no replicas',
      'apps/v1',
      'Deployment',
      deployment({ replicas: -1 }),
      ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'a deployment of pods that end',
      'apps/v1',
      'Deployment',
      deployment({}, { restartPolicy: 'Never' }),
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
    [
      'a job of pods that do not',
      'batch/v1',
      'Job',
      { spec: { template: { spec: { containers: [container] } } } },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    ['a pod without containers', 'v1', 'Pod', { spec: {} }, ['spec.containers: Required value']],
    [
      'a container without image',
      'apps/v1',
      'Deployment',
      withContainer({ image: '' }),
      ['spec.template.spec.containers[0].image: Required value'],
    ],
    [
      'two containers of one name',
      'v1',
      'Pod',
      { spec: { containers: [container, container] } },
      ['spec.containers[1].name: Duplicate value: "c"'],
    ],
    [
      'a port without number',
      'apps/v1',
      'Deployment',
      withContainer({ ports: [{ containerPort: 0 }] }),
      ['spec.template.spec.containers[0].ports[0].containerPort: Required value'],
    ],
    [
      'a port beyond 65535',
      'apps/v1',
      'Deployment',
      withContainer({ ports: [{ containerPort: 65_536 }] }),
      ['spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive'],
    ],
    [
      'a long port name',
      'apps/v1',
      'Deployment',
      withContainer({ ports: [{ name: 'longer-than-fifteen', containerPort: 1 }] }),
      ['spec.template.spec.containers[0].ports[0].name: Invalid value: "longer-than-fifteen": must be no more than 15 characters'],
    ],
    [
      'a mount of nothing',
      'apps/v1',
      'Deployment',
      withContainer({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ],
    ['a service without ports', 'v1', 'Service', { spec: {} }, ['spec.ports: Required value']],
    [
      'ports without names',
      'v1',
      'Service',
      ports({ port: 1 }, { port: 2 }),
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      'a service port 0',
      'v1',
      'Service',
      ports({ port: 0, targetPort: 1 }),
      ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    ],
    ['an external name that is none', 'v1', 'Service', { spec: { type: 'ExternalName' } }, ['spec.externalName: Required value']],
    [
      'a type of service that is none',
      'v1',
      'Service',
      { spec: { type: 'A', ports: [{ port: 1 }] } },
      ['spec.type: Unsupported value: "A": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    ],
    [
      'fewer replicas at most than at least',
      'autoscaling/v2',
      'HorizontalPodAutoscaler',
      { spec: { minReplicas: 2, maxReplicas: 1, scaleTargetRef: { kind: 'A', name: 'a' } } },
      ['spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`'],
    ],
  ];
  test.each(rows)('%s', (_, apiVersion, kind, given, errors) => expect(errorsOf(admitted(apiVersion, kind, given))).toEqual(errors));

  const names: readonly (readonly [name: string, kind: string, metadata: JsonObject, text: string])[] = [
    ['an upper-case name', 'ConfigMap', { name: 'A' }, 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of'],
    ['a service name with a digit first', 'Service', { name: '1a' }, 'a DNS-1035 label must consist of'],
    ['a namespace name with a dot', 'Namespace', { name: 'a.b' }, 'a lowercase RFC 1123 label must consist of'],
    [
      'a label key with a blank',
      'ConfigMap',
      { labels: { 'a b': '' } },
      'metadata.labels: Invalid value: "a b": name part must consist of',
    ],
    ['a label key with an empty prefix', 'ConfigMap', { labels: { '/a': '' } }, 'prefix part must be non-empty'],
    [
      'a label value with a blank',
      'ConfigMap',
      { labels: { a: 'b c' } },
      'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of',
    ],
    ['a long label value', 'ConfigMap', { labels: { a: 'b'.repeat(64) } }, 'must be no more than 63 characters'],
    ['an annotation key with a blank', 'ConfigMap', { annotations: { 'a b': '' } }, 'metadata.annotations: Invalid value: "a b"'],
    [
      'annotations beyond 256 KiB',
      'ConfigMap',
      { annotations: { a: 'b'.repeat(262_144) } },
      'metadata.annotations: Too long: may not be more than 262144 bytes',
    ],
    ['an unqualified finalizer', 'ConfigMap', { finalizers: ['a'] }, 'name is neither a standard finalizer name nor is it fully qualified'],
    [
      'two controllers',
      'ConfigMap',
      { ownerReferences: ['1', '2'].map((uid) => ({ apiVersion: 'v1', kind: 'Pod', name: 'a', uid, controller: true })) },
      'Only one reference can have Controller set to true',
    ],
  ];
  test.each(names)('%s', (_, kind, metadata, text) => {
    const content = kind === 'Service' ? { metadata, ...ports({ port: 1 }) } : { metadata };
    expect(errorsOf(admitted('v1', kind, content)).join('\n')).toContain(text);
  });

  const unreadable: readonly (readonly [name: string, kind: string, given: JsonObject, text: string])[] = [
    [
      'a wrong type',
      'Pod',
      { spec: { containers: [], priority: 'a' } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      'an unknown field',
      'Pod',
      { spec: { foo: 1 } },
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.foo"',
    ],
    [
      'a secret that is not base64',
      'Secret',
      { data: { a: '%' } },
      'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
    ],
  ];
  test.each(unreadable)('%s', (_, kind, given, text) => expect(() => admitted('v1', kind, given)).toThrow(text));
});

describe('what never changes', () => {
  const pod = { spec: { containers: [container], nodeName: 'n' } };
  const service = { spec: { clusterIP: '10.0.0.1', type: 'ClusterIP', ports: [{ port: 1 }] } };
  const rows: readonly (readonly [name: string, apiVersion: string, kind: string, old: JsonObject, next: JsonObject, error: string])[] = [
    [
      'the selector of a deployment',
      'apps/v1',
      'Deployment',
      deployment({ selector: { matchLabels: { a: 'b' } } }),
      deployment(),
      'spec.selector: Invalid value: {"matchLabels":{"app":"web"}}: field is immutable',
    ],
    [
      'the address of a service',
      'v1',
      'Service',
      service,
      { spec: { ...service.spec, clusterIP: '10.0.0.2' } },
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
    ],
    [
      'the command of a pod',
      'v1',
      'Pod',
      pod,
      { spec: { ...pod.spec, containers: [{ ...container, command: ['a'] }] } },
      'spec: Forbidden: pod updates may not change fields other than',
    ],
    [
      'the node of a pod',
      'v1',
      'Pod',
      pod,
      { spec: { ...pod.spec, nodeName: 'm' } },
      'spec.nodeName: Forbidden: field is immutable once set',
    ],
    [
      'an immutable config map',
      'v1',
      'ConfigMap',
      { immutable: true, data: { a: '1' } },
      { immutable: true, data: { a: '2' } },
      'data: Forbidden: field is immutable when `immutable` is set',
    ],
    ['the type of a secret', 'v1', 'Secret', { type: 'Opaque' }, { type: 'a/b' }, 'type: Invalid value: "a/b": field is immutable'],
    [
      'the role of a binding',
      'rbac.authorization.k8s.io/v1',
      'RoleBinding',
      { roleRef: { kind: 'Role', name: 'a', apiGroup: 'b' } },
      { roleRef: { kind: 'Role', name: 'c', apiGroup: 'b' } },
      'cannot change roleRef',
    ],
  ];
  test.each(rows)('%s', (_, apiVersion, kind, old, next, error) => {
    const before = admitted(apiVersion, kind, old).object;
    expect(errorsOf(admitted(apiVersion, kind, next, { ...before })).join('\n')).toContain(error);
  });

  test('but a pod may get another image, and one without a node a node', () => {
    const before = admitted('v1', 'Pod', { spec: { containers: [container] } }).object;
    const containers = [{ ...filledContainer, image: 'nginx:2' }];
    const next = { spec: { ...filledPod, enableServiceLinks: true, nodeName: 'n', containers } };
    expect(errorsOf(admitted('v1', 'Pod', next, { ...before }))).toEqual([]);
  });
});
