// Pods as the graph of traffic sees them.
import { expect, test } from 'vitest';
import { podKind } from './kinds/pod.ts';
import { proxiesOf, workloadsOf } from './pods-in-graph.ts';

interface Wish {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly enrolled?: boolean;
  readonly phase?: string;
  readonly ip?: string;
}
function pod(name: string, { namespace = 'shop', labels = {}, enrolled = false, phase = 'Running', ip = '10.0.0.1' }: Wish = {}) {
  const annotations = enrolled ? { 'ambient.istio.io/redirection': 'enabled' } : {};
  const narrowed = podKind.narrow({
    metadata: { namespace, name, uid: name, labels, annotations },
    spec: { nodeName: 'node-a' },
    status: { phase, podIPs: ip === '' ? [] : [{ ip }] },
  });
  return narrowed ?? expect.fail('no pod');
}
const waypoint = { 'gateway.networking.k8s.io/gateway-class-name': 'istio-waypoint' };
const named = (name: string) => ({ 'service.istio.io/workload-name': name });

test('pods of a workload count together, which is in the mesh when all of them are', () => {
  const pods = [
    pod('web-1', { labels: named('web'), enrolled: true }),
    pod('web-2', { labels: named('web'), enrolled: true }),
    pod('cart-1', { labels: named('cart'), enrolled: true }),
    pod('cart-2', { labels: named('cart') }),
    pod('gate-1', { labels: { ...named('gate'), ...waypoint } }),
    pod('done', { phase: 'Succeeded' }),
  ];
  expect(workloadsOf(pods)).toEqual([
    { namespace: 'shop', name: 'web', pods: 2, inMesh: true },
    { namespace: 'shop', name: 'cart', pods: 2, inMesh: false },
    { namespace: 'shop', name: 'gate', pods: 1, inMesh: true },
  ]);
});

test('proxies are the ztunnels of the mesh itself, and waypoints anywhere, that run and have an address', () => {
  const ztunnel = { app: 'ztunnel' };
  const pods = [
    pod('ztunnel-a', { namespace: 'istio-system', labels: ztunnel }),
    pod('ztunnel-b', { namespace: 'istio-system', labels: ztunnel, ip: '' }),
    pod('ztunnel-c', { namespace: 'istio-system', labels: ztunnel, phase: 'Pending' }),
    pod('impostor', { labels: ztunnel }),
    pod('gate-1', { labels: { ...named('gate'), ...waypoint }, ip: '10.0.0.2' }),
    pod('ingress-1', { labels: { 'gateway.networking.k8s.io/gateway-class-name': 'istio' } }),
  ];
  expect(proxiesOf(pods, 'istio-system')).toEqual([
    { namespace: 'istio-system', name: 'ztunnel-a', ip: '10.0.0.1', node: 'node-a', waypoint: undefined },
    { namespace: 'shop', name: 'gate-1', ip: '10.0.0.2', node: 'node-a', waypoint: 'gate' },
  ]);
});
