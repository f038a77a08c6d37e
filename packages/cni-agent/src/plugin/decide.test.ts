// What becomes of a pod, as a table of what is known about it.
import { describe, expect, test } from 'vitest';
import type { PodRef } from './cni.ts';
import { byAgent, checked, exempt, isOwnAgent, type Look, withoutAgent } from './decide.ts';
import { readSettings, type Settings } from './settings.ts';

const settingsOf = (config: Readonly<Record<string, unknown>>): Settings => {
  const read = readSettings(config);
  return 'ok' in read ? read.ok : expect.unreachable(read.mistake);
};
const settings = settingsOf({ exclude_namespaces: ['kube-system'] });
const pod: PodRef = { namespace: 'shop', name: 'web-0', uid: 'u1' };
const ambient = { 'istio.io/dataplane-mode': 'ambient' };
const none = { 'istio.io/dataplane-mode': 'none' };

function look(namespaceLabels: object, labels: object = {}, more: { readonly annotations?: object; readonly spec?: object } = {}): Look {
  const { annotations = {}, spec = {} } = more;
  return {
    pod: { metadata: { name: 'web-0', namespace: 'shop', uid: 'u1', labels, annotations }, spec },
    namespace: { metadata: { name: 'shop', labels: namespaceLabels } },
  };
}

describe('the node agent is away', () => {
  const rows: readonly (readonly [rule: string, look: Look, want: 'pass' | 'refuse'])[] = [
    ['ambient on the namespace: it must wait', look(ambient), 'refuse'],
    ['disabled by its own label: it may start', look(ambient, none), 'pass'],
    ['enabled by its own label in a disabled namespace: it must wait', look(none, ambient), 'refuse'],
    ['no label anywhere: it may start', look({}), 'pass'],
    ['a sidecar: it may start', look(ambient, {}, { annotations: { 'sidecar.istio.io/status': '{}' } }), 'pass'],
    [
      'a container that is only called like a sidecar: it must wait',
      look(ambient, {}, { spec: { containers: [{ name: 'istio-proxy' }] } }),
      'refuse',
    ],
    ['on the host’s network: it may start', look(ambient, {}, { spec: { hostNetwork: true } }), 'pass'],
    ['nobody can say: it must wait', { unknown: 'no route' }, 'refuse'],
    ['an answer that is no pod: it must wait', { pod: {}, namespace: {} }, 'refuse'],
  ];
  test.each(rows)('%s', (_, seen, want) => {
    const outcome = withoutAgent(pod, seen, settings, 'connect ENOENT');
    expect(outcome.kind).toBe(want);
    if (outcome.kind === 'refuse') {
      expect(outcome.error.code).toBe(11);
      expect(outcome.error.details).toContain('the node agent (istio-cni-node) could not be contacted: connect ENOENT');
    }
  });
  test('without detection retry a pod of which nobody can say starts, one that belongs in the mesh does not', () => {
    const lenient = settingsOf({ enable_ambient_detection_retry: false });
    expect(withoutAgent(pod, { unknown: 'no route' }, lenient, 'x').kind).toBe('pass');
    expect(withoutAgent(pod, look(ambient), lenient, 'x').kind).toBe('refuse');
  });
  test('a ztunnel starts, whatever its namespace says', () => {
    const ztunnel = { metadata: { name: 'ztunnel-x', namespace: 'istio-system', uid: 'u', labels: { app: 'ztunnel' } } };
    const seen = { pod: ztunnel, namespace: { metadata: { name: 'istio-system', labels: ambient } } };
    expect(withoutAgent({ namespace: 'istio-system', name: 'ztunnel-x', uid: 'u' }, seen, settings, 'x').kind).toBe('pass');
  });
});

describe('nobody is asked', () => {
  const rows: readonly (readonly [rule: string, pod: PodRef, config: Readonly<Record<string, unknown>>, own: boolean])[] = [
    ['about the node agent', { ...pod, namespace: 'istio-system', name: 'istio-cni-node-x1' }, {}, true],
    ['about the node agent in a namespace of the user’s', { ...pod, name: 'istio-cni-node-x1' }, { pod_namespace: 'shop' }, true],
    ['but about a pod that is only called like it', { ...pod, name: 'istio-cni-node-x1' }, {}, false],
    ['but about others of its namespace', { ...pod, namespace: 'istio-system' }, {}, false],
  ];
  test.each(rows)('%s', (_, named, config, own) => expect(isOwnAgent(named, config)).toBe(own));
  test('about pods of an excluded namespace', () => expect(exempt({ ...pod, namespace: 'kube-system' }, settings)?.kind).toBe('pass'));
  test('when ambient mode is off', () => expect(exempt(pod, settingsOf({ ambient_enabled: false }))?.kind).toBe('pass'));
  test('but otherwise', () => expect(exempt(pod, settings)).toBeUndefined());
});

test('the agent’s word is the answer to ADD', () => {
  expect(byAgent(pod, { kind: 'verdict', verdict: 'in-mesh' })).toMatchObject({ kind: 'pass', isInMesh: true });
  expect(byAgent(pod, { kind: 'verdict', verdict: 'not-in-mesh' })).toMatchObject({ kind: 'pass', isInMesh: false });
  expect(byAgent(pod, { kind: 'failed', why: 'no ztunnel' })).toEqual({
    kind: 'refuse',
    error: { code: 11, msg: 'pod shop/web-0 could not be enrolled in the mesh yet', details: 'no ztunnel' },
  });
});

test('CHECK refuses only pods that should be enrolled and are not, or that the agent cannot judge', () => {
  const kinds = (['enrolled', 'not-in-mesh', 'not-enrolled'] as const).map((verdict) => checked(pod, { kind: 'verdict', verdict }).kind);
  expect(kinds).toEqual(['pass', 'pass', 'refuse']);
  expect(checked(pod, { kind: 'absent', why: 'x' }).kind).toBe('pass');
  expect(checked(pod, { kind: 'failed', why: 'x' })).toMatchObject({ error: { code: 11, details: 'x' } });
});
