// The chain entry: defaults, and mistakes that are said.
import { describe, expect, test } from 'vitest';
import { defaultSelectors, writtenSelectors } from '../facts/enablement.ts';
import { agentNamespaceOf, readSettings, runDirOf } from './settings.ts';

test('an entry without any field has defaults', () => {
  expect(readSettings({})).toEqual({
    ok: {
      logLevel: 'info',
      runDir: '/var/run/istio-cni',
      ambientEnabled: true,
      enablement: { selectors: defaultSelectors, excludedNamespaces: new Set() },
      agentNamespace: 'istio-system',
      onlyWhenKnown: true,
      kubeconfig: '/var/run/istio-cni/istio-cni-kubeconfig',
    },
  });
});

test('every field is read', () => {
  const entry = {
    plugin_log_level: 'debug',
    cni_agent_run_dir: '/run/x',
    ambient_enabled: false,
    enablement_selectors: writtenSelectors(defaultSelectors),
    exclude_namespaces: ['kube-system'],
    pod_namespace: 'mesh',
    enable_ambient_detection_retry: false,
    kubeconfig: '/k',
  };
  expect(readSettings(entry)).toEqual({
    ok: {
      logLevel: 'debug',
      runDir: '/run/x',
      ambientEnabled: false,
      enablement: { selectors: defaultSelectors, excludedNamespaces: new Set(['kube-system']) },
      agentNamespace: 'mesh',
      onlyWhenKnown: false,
      kubeconfig: '/k',
    },
  });
  expect([runDirOf(entry), agentNamespaceOf(entry)]).toEqual(['/run/x', 'mesh']);
});

test('null counts as absent', () => {
  const entry = { ambient_enabled: null, enablement_selectors: null, exclude_namespaces: null, enable_ambient_detection_retry: null };
  expect(readSettings(entry)).toEqual(readSettings({}));
});

describe('mistakes', () => {
  const rows: readonly (readonly [field: string, value: unknown])[] = [
    ['exclude_namespaces', 'kube-system'],
    ['exclude_namespaces', [1]],
    ['enablement_selectors', 'all'],
    ['enablement_selectors', [{ podSelector: { matchLabels: { a: 1 } } }]],
    ['ambient_enabled', 'true'],
    ['enable_ambient_detection_retry', 1],
  ];
  test.each(rows)('%s %j', (field, value) => expect(readSettings({ [field]: value })).toEqual({ mistake: expect.stringContaining(field) }));
});
