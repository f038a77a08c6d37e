// How requests are read: paths of resources, and which form of answer an Accept header asks for.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byPriority } from '../discovery/version-order.ts';
import { formOf } from './accept.ts';
import { parseResourcePath } from './resource-path.ts';

describe('a path', () => {
  const rows: readonly (readonly [path: string, group: string, plural: string, namespace: string, name: string, subresource: string])[] = [
    ['/api/v1/pods', '', 'pods', '', '', ''],
    ['/api/v1/namespaces', '', 'namespaces', '', '', ''],
    ['/api/v1/namespaces/a', '', 'namespaces', '', 'a', ''],
    ['/api/v1/namespaces/a/status', '', 'namespaces', '', 'a', 'status'],
    ['/api/v1/namespaces/a/finalize', '', 'namespaces', '', 'a', 'finalize'],
    ['/api/v1/namespaces/a/pods', '', 'pods', 'a', '', ''],
    ['/api/v1/namespaces/a/pods/p', '', 'pods', 'a', 'p', ''],
    ['/api/v1/namespaces/a/pods/p/log', '', 'pods', 'a', 'p', 'log'],
    ['/apis/apps/v1/namespaces/a/deployments/d/scale', 'apps', 'deployments', 'a', 'd', 'scale'],
    ['/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', 'rbac.authorization.k8s.io', 'clusterroles', '', 'system:node', ''],
  ];
  test.each(rows)('%s', (path, group, plural, namespace, name, subresource) => {
    expect(parseResourcePath(path)).toEqual({ group, version: 'v1', plural, namespace, name, subresource });
  });

  test.each(['/', '/api', '/api/v1', '/apis/apps', '/apis/apps/v1', '/metrics', '/api/v1/%zz', '/api/v1/pods/p/log/more'])(
    '%s is none',
    (path) => {
      expect(parseResourcePath(path)).toBeUndefined();
    },
  );

  test('any text is a path or none', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseResourcePath(`/apis/${text}`)));
  });
});

describe('Accept', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const rows: readonly (readonly [accept: string | undefined, form: string])[] = [
    [undefined, 'object'],
    ['*/*', 'object'],
    ['application/json', 'object'],
    ['application/vnd.kubernetes.protobuf,application/json', 'object'],
    [`${table},application/json`, 'table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'object'],
    ['application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json', 'metadata'],
    ['application/json; as=PartialObjectMetadataList; g=meta.k8s.io; v=v1', 'metadata'],
  ];
  test.each(rows)('%s asks for the form %s', (accept, form) => {
    expect(formOf(accept)).toBe(form);
  });

  test.each(['application/vnd.kubernetes.protobuf', 'application/yaml', 'text/html'])('%s alone is refused', (accept) => {
    expect(() => formOf(accept)).toThrow(expect.objectContaining({ code: 406 }));
  });
});

test('versions in the order in which clients prefer them', () => {
  const versions = ['foo', 'v1alpha1', 'v1beta1', 'v1', 'v2alpha1', 'v2', 'v1beta2', 'bar', 'v10'];
  expect(versions.toSorted(byPriority)).toEqual(['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v2alpha1', 'v1alpha1', 'bar', 'foo']);
});
