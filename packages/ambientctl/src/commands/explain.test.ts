// `ambientctl explain` as a user sees it: the forms of its answer, what a change would alter, and one sentence for everything that stands in its way.
// What it answers is tested in translate (explain/*.test.ts), and against what really happens in e2e/scenarios/explain.test.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Seen, temporaryFolder, typed } from '../testing/typed.ts';

const pod = (name: string, app: string, ip: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app }, annotations: { 'ambient.istio.io/redirection': 'enabled' } },
  spec: { nodeName: `node-of-${name}`, serviceAccountName: app },
  status: { phase: 'Running', podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] },
});
const cart = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: {
    clusterIP: '10.1.0.2',
    clusterIPs: ['10.1.0.2'],
    selector: { app: 'cart' },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
  },
};
const policy = (action: 'ALLOW' | 'DENY', name = 'gate') => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: 'shop' },
  spec: { action, rules: [{ from: [{ source: { principals: ['*/sa/web'] } }] }] },
});
const objects = [pod('web-1', 'web', '10.0.0.1'), pod('cart-1', 'cart', '10.0.0.2'), cart];

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
function file(name: string, ...items: readonly object[]): string {
  const path = join(folder.path, name);
  writeFileSync(path, items.map((item) => JSON.stringify(item)).join('\n---\n'));
  return path;
}
const mesh = file('mesh.yaml', ...objects, policy('ALLOW'));
const fromFile = (line: string): Promise<Seen> => typed(`explain ${line} -n shop -f ${mesh}`);

describe('the answer', () => {
  test('is a table, whose last line is the outcome', async () => {
    expect(await fromFile('web cart:80')).toEqual({
      code: 0,
      err: '',
      out: `AT            WHAT
shop/web-1    goes to cart.shop.svc.cluster.local port 80 directly: no waypoint is between
shop/cart-1   port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, over mutual TLS, by AuthorizationPolicy shop/gate, rule 0 (principal */sa/web)
ALLOWED       AuthorizationPolicy shop/gate
`,
    });
  });
  test('is JSON', async () => {
    expect(JSON.parse((await fromFile('cart-1 pod/web-1:8080 -o json')).out)).toEqual({
      steps: [
        { at: 'shop/cart-1', says: 'goes to 10.0.0.1:8080 directly: no waypoint is between' },
        {
          at: 'shop/web-1',
          says: 'port 8080 refuses spiffe://cluster.local/ns/shop/sa/cart by no rule of AuthorizationPolicy shop/gate, which allows others',
        },
      ],
      outcome: 'denied',
      by: 'no rule of AuthorizationPolicy shop/gate, which allows others',
    });
  });
  test('is YAML', async () => {
    expect((await fromFile('web cart:80 -o yaml')).out).toMatch(/^steps:\n {2}- at: shop\/web-1\n/);
  });
});

describe('what a change would alter', () => {
  const allowed = `    shop/web-1    goes to cart.shop.svc.cluster.local port 80 directly: no waypoint is between`;
  const before =
    'port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, over mutual TLS, by AuthorizationPolicy shop/gate, rule 0 (principal */sa/web)';
  test('an object in place of the one of its name', async () => {
    const { out } = await fromFile(`web cart:80 --what-if ${file('deny.yaml', policy('DENY'))}`);
    expect(out).toBe(`    AT            WHAT
${allowed}
-   shop/cart-1   ${before}
-   ALLOWED       AuthorizationPolicy shop/gate
+   shop/cart-1   port 8080 refuses spiffe://cluster.local/ns/shop/sa/web by AuthorizationPolicy shop/gate, rule 0 (principal */sa/web)
+   DENIED        AuthorizationPolicy shop/gate
`);
  });
  test('an object less', async () => {
    const { out } = await fromFile('web cart:80 --without authorizationpolicy/gate');
    expect(out.split('\n').filter((line) => line.startsWith('+'))).toEqual([
      '+   shop/cart-1   port 8080 lets spiffe://cluster.local/ns/shop/sa/web in, over mutual TLS',
      '+   ALLOWED',
    ]);
  });
  test('an object that says no namespace is meant for the one of the command', async () => {
    const { metadata, ...rest } = policy('DENY');
    const { out } = await fromFile(`web cart:80 --what-if ${file('bare.yaml', { ...rest, metadata: { name: metadata.name } })}`);
    expect(out).toContain('+   DENIED        AuthorizationPolicy shop/gate\n');
  });
  test('nothing', async () => {
    const { out } = await fromFile(`web cart:80 -o json --what-if ${file('same.yaml', policy('ALLOW'))}`);
    expect(JSON.parse(out)).toMatchObject({ changes: false, before: { outcome: 'allowed' }, after: { outcome: 'allowed' } });
  });
});

describe('one sentence when it cannot answer', () => {
  const broken = join(folder.path, 'broken.yaml');
  writeFileSync(broken, 'kind: Pod\n  metadata: [');
  const rows: readonly (readonly [rule: string, line: string, code: number, err: RegExp])[] = [
    ['an unknown pod', `web-9 cart:80 -f ${mesh}`, 1, /^ambientctl: there is no pod or Deployment shop\/web-9\n$/],
    ['an unknown service', `web basket:80 -f ${mesh}`, 1, /^ambientctl: there is no service basket for namespace shop\n$/],
    ['an unknown pod to go to', `web pod/x:80 -f ${mesh}`, 1, /^ambientctl: there is no pod x\n$/],
    ['a target that is none', `web :80 -f ${mesh}`, 1, /^ambientctl: ":80" is not a name or address/],
    ['a broken file', `web cart:80 -f ${broken}`, 1, /^ambientctl: .*broken\.yaml is not YAML: [^\n]+\n$/],
    ['a file that is not there', `web cart:80 -f ${folder.path}/none.yaml`, 1, /^ambientctl: .*none\.yaml cannot be read: [^\n]+\n$/],
    [
      'a file without objects',
      `web cart:80 -f ${file('odd.json', { a: 1 })}`,
      1,
      /^ambientctl: .*odd\.json holds something that is no Kubernetes object/,
    ],
    [
      'an object that is not there',
      `web cart:80 -f ${mesh} --without httproute/x`,
      1,
      /^ambientctl: there is no HTTPRoute shop\/x to be without\n$/,
    ],
    ['no object at all', `web cart:80 -f ${mesh} --without x`, 2, /^ambientctl: "x" names no object/],
    ['a header that is none', `web cart:80 -f ${mesh} --header x`, 2, /^ambientctl: "x" is no header/],
    ['a path that is none', `web cart:80 -f ${mesh} --path x`, 2, /^ambientctl: "x" is no path/],
    ['a token that is none', `web cart:80 -f ${mesh} --jwt x`, 1, /^ambientctl: the token is no JWT/],
    ['no cluster', 'web cart:80', 1, /^ambientctl: there is no way to a cluster: [^\n]+\n$/],
  ];
  test.each(rows)('%s', async (_, line, code, err) => {
    const seen = await typed(`explain ${line} -n shop`);
    expect({ ...seen, err: '' }).toEqual({ code, out: '', err: '' });
    expect(seen.err).toMatch(err);
  });
});

describe('from a cluster', () => {
  let api: ApiServer;
  beforeEach(async () => {
    api = await ApiServer.start();
    for (const { metadata, ...rest } of [pod('web-1', 'web', '10.0.0.1'), pod('cart-1', 'cart', '10.0.0.2')])
      api.objects.put('/api/v1/namespaces/shop/pods', metadata.name, { ...rest, metadata });
    api.objects.put('/api/v1/namespaces/shop/services', 'cart', cart);
  });
  afterEach(() => api[Symbol.asyncDispose]());
  const ask = (line = 'web cart:80'): Promise<Seen> => typed(`explain ${line}`, { api });

  test('it reads what the mesh reads, and sends nothing', async () => {
    const { code, out } = await ask();
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([0, 'ALLOWED']);
    expect(api.requests.filter((each) => !each.startsWith('GET '))).toEqual([]);
  });
  test('the control plane says of which trust domain it is', async () => {
    const istiod = { ...pod('istiod-1', 'istiod', '10.0.0.9'), spec: { containers: [{ env: [{ name: 'CLUSTER_ID', value: 'east' }] }] } };
    api.objects.put('/api/v1/namespaces/istio-system/pods', 'istiod-1', {
      ...istiod,
      metadata: { ...istiod.metadata, namespace: 'istio-system' },
    });
    api.objects.put('/api/v1/namespaces/istio-system/configmaps', 'istio', { data: { mesh: 'trustDomain: example.org' } });
    expect((await ask()).out).toContain('lets spiffe://example.org/ns/shop/sa/web in');
  });
  test('without the right to look', async () => {
    api.intercept = (_, response) => {
      answer(response, statusAnswer(403, 'Forbidden'));
      return true;
    };
    const { code, err } = await ask();
    expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: you are not allowed to do this: [^\n]+\n$/)]);
  });
  test('where nothing is installed', async () => {
    api.intercept = (request, response) => {
      if (!request.url?.startsWith('/apis/') || request.url.startsWith('/apis/discovery.k8s.io')) return false;
      answer(response, statusAnswer(404, 'NotFound'));
      return true;
    };
    expect(await ask()).toEqual({
      code: 1,
      out: '',
      err: 'ambientctl: nothing is installed: this cluster knows no kind of object that a mesh reads\n',
    });
  });
});
