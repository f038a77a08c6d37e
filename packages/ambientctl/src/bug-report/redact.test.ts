// Nothing secret gets through; what tells about the mesh does.
import { expect, test } from 'vitest';
import { hidden, redactedObject, redactedText } from './redact.ts';

const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\n-----END EC PRIVATE KEY-----';
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ0ZXN0In0.c2lnbmF0dXJl';

const texts: readonly (readonly [name: string, text: string, want: string])[] = [
  ['a private key', `a ${key} b`, `a ${hidden} b`],
  ['one in JSON', JSON.stringify({ x: key.replace('EC ', '') }), `{"x":"${hidden}"}`],
  ['one that was cut off', '-----BEGIN PRIVATE KEY-----\nMHc', hidden],
  ['a token', `token=${token}.`, `token=${hidden}.`],
  ['a header', 'authorization: Bearer abcdef123456', `authorization: ${hidden} ${hidden}`],
  ['a password in a URL', '/login?password=hunter22&x=1', `/login?password=${hidden}&x=1`],
  ['a field of JSON', '{"api_key":"abcdef"}', `{"api_key":"${hidden}"}`],
  [
    'a certificate stays',
    '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
    '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
  ],
  ['words about tokens stay', 'the token of the pod is no JWT; 403', 'the token of the pod is no JWT; 403'],
];
for (const [name, text, want] of texts) test(name, () => expect(redactedText(text)).toBe(want));

test('a pod keeps what the mesh looks at', () => {
  const pod = {
    metadata: {
      name: 'web',
      labels: { app: 'web' },
      managedFields: [{}],
      annotations: {
        'ambient.istio.io/redirection': 'enabled',
        'vault.example.com/x': 'SECRET-1',
        'kubectl.kubernetes.io/last-applied-configuration': 'SECRET-2',
      },
    },
    spec: {
      nodeName: 'a',
      containers: [
        {
          name: 'app',
          image: 'x:1',
          command: ['run', '--password', 'SECRET-3'],
          args: ['SECRET-4'],
          ports: [{ containerPort: 80 }],
          env: [
            { name: 'DB', value: 'SECRET-5' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          livenessProbe: { exec: { command: ['SECRET-6'] } },
        },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
  };
  expect(JSON.stringify(redactedObject(pod))).not.toContain('SECRET');
  expect(redactedObject(pod)).toEqual({
    metadata: { name: 'web', labels: { app: 'web' }, annotations: { 'ambient.istio.io/redirection': 'enabled' } },
    spec: {
      nodeName: 'a',
      containers: [
        {
          name: 'app',
          image: 'x:1',
          ports: [{ containerPort: 80 }],
          env: [
            { name: 'DB', value: hidden },
            { name: 'IP', value: hidden },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
  });
});

test('configuration of plugins, and their variables, are hidden', () => {
  const plugin = {
    kind: 'WasmPlugin',
    spec: { url: 'https://x', pluginConfig: { k: 'SECRET-1' }, vmConfig: { env: [{ name: 'A', value: 'SECRET-2' }] } },
  };
  expect(redactedObject(plugin)).toEqual({
    kind: 'WasmPlugin',
    metadata: {},
    spec: { url: 'https://x', pluginConfig: hidden, vmConfig: hidden },
  });
});
