// How a tunnel introduces itself.
import { expect, test } from 'vitest';
import { describeNode, type NodeSettings } from './node.ts';

const bare: NodeSettings = { instanceIp: '', podName: '', podNamespace: '', nodeName: '', metadata: {}, jsonMetadata: {} };

test('the id names address, pod and namespace; the domain is fixed', () => {
  const { node } = describeNode({ ...bare, instanceIp: '10.0.0.1', podName: 'zt-1', podNamespace: 'istio-system', nodeName: 'node-1' });
  expect(node.id).toBe('ztunnel~10.0.0.1~zt-1.istio-system~istio-system.svc.cluster.local');
  expect(node.metadata).toEqual({ NAME: 'zt-1', NAMESPACE: 'istio-system', INSTANCE_IPS: '10.0.0.1', NODE_NAME: 'node-1' });
});

test('without an environment everything is present and empty, the address is 1.1.1.1', () => {
  const { node } = describeNode(bare);
  expect(node.id).toBe('ztunnel~1.1.1.1~.~.svc.cluster.local');
  expect(node.metadata).toEqual({ NAME: '', NAMESPACE: '', INSTANCE_IPS: '1.1.1.1', NODE_NAME: '' });
});

test('proxy metadata comes as text, JSON metadata as what it says; bad JSON is left out and named', () => {
  const jsonMetadata = { LIST: '[1, "a", null]', OBJECT: '{"x": {"y": true}}', TEXT: '"t"', BAD: '{' };
  const { node, unreadable } = describeNode({ ...bare, metadata: { ISTIO_VERSION: '1.2' }, jsonMetadata });
  expect(node.metadata).toMatchObject({ ISTIO_VERSION: '1.2', LIST: [1, 'a', null], OBJECT: { x: { y: true } }, TEXT: 't' });
  expect(node.metadata).not.toHaveProperty('BAD');
  expect(unreadable).toEqual(['BAD']);
});
