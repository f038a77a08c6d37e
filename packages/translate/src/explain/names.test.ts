// What users call pods and services, and what is found by it.

import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { pod, service } from '../testing/written-mesh.ts';
import { meshOf } from './mesh-of.ts';
import { targetCalled, workloadCalled } from './names.ts';

const written = (...texts: readonly string[]): unknown[] =>
  texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as unknown)).filter((each) => each !== null);
const headless = service('shop/quiet', 'None');
const entry = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { namespace: 'shop', name: 'out' },
  spec: { hosts: ['api.example.org'], addresses: ['192.0.2.7'], ports: [{ number: 443, name: 'tls', protocol: 'TLS' }], resolution: 'DNS' },
};
const { mesh } = meshOf({
  pods: written(pod('shop/web-1', { ip: '10.0.0.1' }), pod('shop/quiet-1', { ip: '10.0.0.2' }), pod('lab/web', { ip: '10.0.9.1' })),
  services: written(service('shop/cart', '10.1.0.2'), headless, service('lab/cart', 'fd00::2')),
  serviceEntries: [entry],
});

describe('pods', () => {
  test.each([
    ['web-1', 'shop', 'shop/web-1'],
    ['web', 'shop', 'shop/web-1'],
    ['web', 'lab', 'lab/web'],
    ['lab/web', 'shop', 'lab/web'],
    ['shop/web', 'lab', 'shop/web-1'],
    ['web', 'elsewhere', undefined],
  ])('%s in %s is %s', (name, own, want) => {
    const found = workloadCalled(mesh, name, own);
    expect(found && `${found.namespace}/${found.name}`).toBe(want);
  });
});

describe('targets', () => {
  test.each([
    ['cart', '10.1.0.2:80 cart'],
    ['cart:81', '10.1.0.2:81 cart'],
    ['cart.shop:90', '10.1.0.2:90 cart.shop'],
    ['cart.shop.svc:90', '10.1.0.2:90 cart.shop.svc'],
    ['cart.lab', 'fd00::2:80 cart.lab'],
    ['cart.shop.svc.cluster.local', '10.1.0.2:80 cart.shop.svc.cluster.local'],
    ['api.example.org', '192.0.2.7:443 api.example.org'],
    ['10.9.9.9:1', '10.9.9.9:1 10.9.9.9'],
    ['[fd00::9]:8', 'fd00::9:8 [fd00::9]'],
    ['pod/web-1:8080', '10.0.0.1:8080 10.0.0.1'],
    ['pod/lab/web', '10.0.9.1:80 10.0.9.1'],
    ['cartx', 'there is no service cartx for namespace shop'],
    ['cart.shopx', 'there is no service cart.shopx for namespace shop'],
    ['pod/gone', 'there is no pod gone'],
    ['quiet', 'quiet.shop.svc.cluster.local has no address of its own: name one of its pods, such as pod/shop/quiet-1'],
    ['', '"" is not a name or address, with a port behind it perhaps'],
    ['a:b', '"a:b" is not a name or address, with a port behind it perhaps'],
  ])('%s', (text, want) => {
    const found = targetCalled(mesh, text, 'shop');
    expect(typeof found === 'string' ? found : `${found.address.ip}:${found.address.port} ${found.host}`).toBe(want);
  });
});
