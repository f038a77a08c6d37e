// The mesh configuration as waypoints are told it: where the services of providers are.
import type { Provider } from '@ambient-mesh/model/l7/settings';
import { describe, expect, test } from 'vitest';
import { routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { meshSettings } from './mesh-settings.ts';

const look = routeLookUp({
  services: { 'a/limits': routeTargetOf('a/limits') },
  entries: {
    'b/out': [routeTargetOf('b/out', { hostname: 'limits.example' })],
    'c/out': [routeTargetOf('c/out', { hostname: 'limits.example' })],
  },
});

const told = (...providers: readonly Provider[]) => meshSettings({ ...plainSettings.meshDefaults, providers }, look, plainSettings);
const limits = (service: string): Provider => ({ name: 'p', kind: 'rate-limit', service, port: 8081, timeout: 100, domain: 'd' });

describe('services of providers', () => {
  const rows: readonly (readonly [rule: string, written: string, service: string])[] = [
    ['by hostname', 'limits.a.svc.cluster.local', 'a/limits.a.svc.cluster.local'],
    ['however it is spelt', 'Limits.a.svc.cluster.local', 'a/limits.a.svc.cluster.local'],
    ['the first of several', 'limits.example', 'b/limits.example'],
    ['that of a namespace', 'c/limits.example', 'c/limits.example'],
  ];
  for (const [rule, written, service] of rows)
    test(rule, () => expect(told(limits(written))).toMatchObject({ settings: { providers: [limits(service)] }, problems: [] }));

  test('one that is not there is told as it is written, and people hear of it', () => {
    const { settings, problems } = told(limits('d/limits.example'));
    expect(settings.providers).toEqual([limits('d/limits.example')]);
    expect(problems).toEqual(['provider p: there is no service d/limits.example']);
  });

  test('providers without a service are told as they are', () => {
    const plain: Provider = { name: 'prometheus', kind: 'prometheus' };
    expect(told(plain).settings.providers).toEqual([plain]);
  });
});

test('trust domain and root namespace are the mesh’s', () => {
  expect(told().settings).toMatchObject({ trustDomain: 'cluster.local', rootNamespace: 'istio-system' });
});
