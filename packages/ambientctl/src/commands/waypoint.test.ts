// The waypoint commands against a test's API server: what is printed, what is sent, and which exit code an end has.
// Against a faithful API server, and with a control plane that deploys, they are tested in e2e/scenarios/ambientctl.test.ts.
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { typed } from '../testing/typed.ts';

const group = '/apis/gateway.networking.k8s.io/v1';
const gatewaysOf = (namespace: string): string => `${group}/namespaces/${namespace}/gateways`;

let api: ApiServer;
beforeEach(async () => {
  api = await ApiServer.start();
  api.objects.put(`${group}/gatewayclasses`, 'istio-waypoint', {});
});
afterEach(() => api[Symbol.asyncDispose]());

interface Wish {
  readonly labels?: Readonly<Record<string, string>>;
  readonly className?: string;
  /** `status reason message` of the condition Programmed. */
  readonly programmed?: readonly [string, string, string];
}

function gateway(namespace: string, name: string, { labels = {}, className = 'istio-waypoint', programmed }: Wish = {}): void {
  const [status, reason, message] = programmed ?? [];
  api.objects.put(gatewaysOf(namespace), name, {
    kind: 'Gateway',
    metadata: { labels },
    spec: { gatewayClassName: className },
    status: { conditions: status === undefined ? [] : [{ type: 'Programmed', status, reason, message }] },
  });
}
const ready: readonly [string, string, string] = ['True', 'Programmed', 'Resource programmed'];
const pending: readonly [string, string, string] = ['False', 'Pending', 'no pod is ready'];
const namespace = (name: string, labels: Readonly<Record<string, string>>): void => {
  api.objects.put('/api/v1/namespaces', name, { kind: 'Namespace', metadata: { labels } });
};
const type = (line: string) => typed(`waypoint ${line}`, { api });
/** What changed the cluster. */
const written = (): readonly string[] => api.requests.filter((each) => !each.startsWith('GET '));

describe('apply', () => {
  test('applies a Gateway as our own manager, in the namespace of the context', async () => {
    expect(await type('apply')).toEqual({ code: 0, out: '✅ waypoint shop/waypoint applied\n', err: '' });
    expect(written()).toEqual([`PATCH ${gatewaysOf('shop')}/waypoint?fieldManager=ambientctl`]);
    expect(api.objects.get(gatewaysOf('shop'), 'waypoint')).toMatchObject({
      spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }] },
    });
  });
  test('labels say what it is for and whose it is', async () => {
    await type('apply -n other --name mine --for all -r canary');
    expect(api.objects.get(gatewaysOf('other'), 'mine')?.metadata).toMatchObject({
      labels: { 'istio.io/waypoint-for': 'all', 'istio.io/rev': 'canary' },
    });
  });
  test('with --wait it says when the waypoint is ready', async () => {
    gateway('shop', 'waypoint', { programmed: ready });
    const { code, out } = await type('apply --wait');
    expect([code, out]).toEqual([0, '✅ waypoint shop/waypoint applied\n✅ waypoint shop/waypoint is ready!\n']);
  });
  test('one that does not become ready is a failure with the reason, and enrols nobody', async () => {
    namespace('shop', { 'istio.io/dataplane-mode': 'ambient' });
    gateway('shop', 'waypoint', { programmed: pending });
    expect(await type('apply --wait --enroll-namespace --waypoint-timeout 1ms')).toEqual({
      code: 1,
      out: '✅ waypoint shop/waypoint applied\n',
      err: 'ambientctl: waypoint shop/waypoint is not ready after 1ms: no pod is ready\n',
    });
    expect(written()).toHaveLength(1);
  });

  const enrolments: readonly (readonly [
    name: string,
    labels: Readonly<Record<string, string>>,
    flags: string,
    err: RegExp,
    writes: number,
  ])[] = [
    ['a namespace of the mesh is labelled', { 'istio.io/dataplane-mode': 'ambient' }, '', /^$/, 2],
    ['one outside of it is labelled, with a warning', {}, '', /^warning: namespace shop is not in the mesh.*dataplane-mode=ambient\n$/, 2],
    [
      'one that uses a waypoint already: nothing is applied',
      { 'istio.io/use-waypoint': 'old' },
      '',
      /^warning: .*use-waypoint=old already: nothing was applied/,
      0,
    ],
    ['one that opted out: nothing is applied', { 'istio.io/use-waypoint': 'none' }, '', /nothing was applied/, 0],
    ['--overwrite does it nevertheless', { 'istio.io/use-waypoint': 'old', 'istio.io/dataplane-mode': 'ambient' }, '--overwrite', /^$/, 2],
  ];
  for (const [name, labels, flags, err, writes] of enrolments) {
    test(`enrolment: ${name}`, async () => {
      namespace('shop', labels);
      const seen = await type(`apply --enroll-namespace ${flags}`);
      expect(seen.code).toBe(0);
      expect(seen.err).toMatch(err);
      expect(written()).toHaveLength(writes);
      const enrolled = '✅ namespace shop labeled with "istio.io/use-waypoint: waypoint"\n';
      expect(seen.out).toBe(writes === 0 ? '' : `✅ waypoint shop/waypoint applied\n${enrolled}`);
    });
  }
  test('enrolment: a namespace that is not there', async () => {
    expect(await type('apply --enroll-namespace')).toEqual({ code: 1, out: '', err: 'ambientctl: there is no namespace shop\n' });
  });
  test('a Gateway that somebody else has written is not taken from them', async () => {
    api.intercept = (request, response) => {
      if (request.method !== 'PATCH') return false;
      answer(response, statusAnswer(409, 'Conflict'));
      return true;
    };
    const { code, err } = await type('apply');
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^ambientctl: Gateway shop\/waypoint exists and was written otherwise; say --overwrite/),
    ]);
  });
  test('--overwrite takes it', async () => {
    await type('apply --overwrite');
    expect(written()).toEqual([`PATCH ${gatewaysOf('shop')}/waypoint?fieldManager=ambientctl&force=true`]);
  });
  test('a cluster without the mesh', async () => {
    api.objects.remove(`${group}/gatewayclasses`, 'istio-waypoint');
    const { code, err } = await type('apply');
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^ambientctl: nothing in this cluster deploys waypoints: .*istiod-lite first\n$/),
    ]);
  });
});

describe('generate', () => {
  test('YAML that needs no cluster', async () => {
    expect(await typed('waypoint generate --for workload -r canary -n here --name mine')).toEqual({
      code: 0,
      err: '',
      out: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  labels:
    istio.io/rev: canary
    istio.io/waypoint-for: workload
  name: mine
  namespace: here
spec:
  gatewayClassName: istio-waypoint
  listeners:
    - name: mesh
      port: 15008
      protocol: HBONE
`,
    });
  });
  test('without labels and namespace there are none', async () => {
    const { out } = await typed('waypoint generate -o json');
    expect(JSON.parse(out)).toMatchObject({ metadata: { name: 'waypoint' } });
    expect(Object.keys(JSON.parse(out).metadata)).toEqual(['name']);
  });
});

describe('list and status', () => {
  beforeEach(() => {
    gateway('shop', 'waypoint', { programmed: ready });
    gateway('shop', 'late', { labels: { 'istio.io/waypoint-for': 'all', 'istio.io/rev': 'canary' }, programmed: pending });
    gateway('shop', 'ingress', { className: 'istio', programmed: ready });
    gateway('other', 'new');
    // The test's server knows collections by their paths, not what is in all namespaces.
    api.intercept = (request, response, url) => {
      if (request.method !== 'GET' || url.pathname !== `${group}/gateways`) return false;
      const items = ['shop', 'other'].flatMap((each) =>
        ['waypoint', 'late', 'new'].flatMap((name) => api.objects.get(gatewaysOf(each), name) ?? []),
      );
      answer(response, { code: 200, body: { metadata: { resourceVersion: '1' }, items } });
      return true;
    };
  });

  const tables: readonly (readonly [line: string, out: string])[] = [
    [
      'list',
      `NAME       REVISION   TRAFFIC TYPE   PROGRAMMED
late       canary     all            False
waypoint   default    service        True
`,
    ],
    [
      'list -A',
      `NAMESPACE   NAME       REVISION   TRAFFIC TYPE   PROGRAMMED
other       new        default    service        Unknown
shop        late       canary     all            False
shop        waypoint   default    service        True
`,
    ],
    [
      'status --no-wait',
      `NAME       STATUS   TYPE         REASON       MESSAGE
late       False    Programmed   Pending      no pod is ready
waypoint   True     Programmed   Programmed   Resource programmed
`,
    ],
    [
      'status waypoint',
      `NAME       STATUS   TYPE         REASON       MESSAGE
waypoint   True     Programmed   Programmed   Resource programmed
`,
    ],
    [
      'status -A --wait=false',
      `NAMESPACE   NAME       STATUS    TYPE         REASON       MESSAGE
other       new        Unknown   Programmed
shop        late       False     Programmed   Pending      no pod is ready
shop        waypoint   True      Programmed   Programmed   Resource programmed
`,
    ],
  ];
  for (const [line, out] of tables) test(line, async () => expect(await type(line)).toEqual({ code: 0, out, err: '' }));

  test('JSON and YAML carry the same', async () => {
    const late = { namespace: 'shop', name: 'late', revision: 'canary', trafficType: 'all', programmed: 'False' };
    expect(JSON.parse((await type('list -o json')).out)[0]).toEqual(late);
    expect((await type('list -o yaml')).out).toContain('- namespace: shop\n  name: late\n  revision: canary\n  trafficType: all\n');
    expect(JSON.parse((await type('status late --no-wait -o json')).out)).toEqual([
      { namespace: 'shop', name: 'late', status: 'False', type: 'Programmed', reason: 'Pending', message: 'no pod is ready' },
    ]);
  });
  test('a status that is waited for in vain is shown, and a failure', async () => {
    const { code, out, err } = await type('status late --waypoint-timeout 1ms');
    expect([code, err]).toEqual([1, 'ambientctl: waypoint shop/late is not ready after 1ms: no pod is ready\n']);
    expect(out).toContain('Pending');
  });
  test('a waypoint becomes ready while it is waited for', async () => {
    const waiting = type('status late');
    await expect.poll(() => api.requests.length).toBeGreaterThan(0);
    gateway('shop', 'late', { programmed: ready });
    expect(await waiting).toMatchObject({ code: 0, out: expect.stringContaining('True') });
  });
  test('status of one that is not there', async () => {
    expect(await type('status nobody --no-wait')).toEqual({
      code: 1,
      out: '',
      err: 'ambientctl: there is no waypoint nobody in namespace shop\n',
    });
  });
  test('none at all', async () => {
    expect(await type('list -n empty')).toEqual({ code: 0, out: 'No waypoints found.\n', err: '' });
    expect(await type('status -n empty')).toEqual({ code: 0, out: 'No waypoints found.\n', err: '' });
    expect(await type('list -n empty -o json')).toEqual({ code: 0, out: '[]\n', err: '' });
  });
});

describe('delete', () => {
  beforeEach(() => {
    gateway('shop', 'one', { labels: { 'istio.io/rev': 'canary' } });
    gateway('shop', 'two');
    gateway('shop', 'ingress', { className: 'istio' });
  });
  const left = (): readonly string[] => ['one', 'two', 'ingress'].filter((name) => api.objects.get(gatewaysOf('shop'), name) !== undefined);

  const rows: readonly (readonly [line: string, code: number, says: string, left: readonly string[]])[] = [
    ['delete one', 0, 'waypoint shop/one deleted\n', ['two', 'ingress']],
    ['delete one gone two', 0, 'waypoint shop/one deleted\nwaypoint shop/gone not found\nwaypoint shop/two deleted\n', ['ingress']],
    ['delete --all', 0, 'waypoint shop/one deleted\nwaypoint shop/two deleted\n', ['ingress']],
    ['delete --revision canary', 0, 'waypoint shop/one deleted\n', ['two', 'ingress']],
    ['delete --revision nothing', 0, 'No waypoints found.\n', ['one', 'two', 'ingress']],
    [
      'delete ingress',
      1,
      'ambientctl: Gateway shop/ingress is no waypoint, so it stays: its class is istio, not istio-waypoint\n',
      ['one', 'two', 'ingress'],
    ],
    ['delete', 2, 'ambientctl: say which waypoints: names, --revision or --all\n', ['one', 'two', 'ingress']],
    ['delete one --all', 2, 'ambientctl: either name waypoints or say --all, not both\n', ['one', 'two', 'ingress']],
    ['delete one -r canary', 2, 'ambientctl: either name waypoints or a revision, not both\n', ['one', 'two', 'ingress']],
  ];
  for (const [line, code, says, stay] of rows) {
    test(line, async () => {
      const seen = await type(line);
      expect([seen.code, seen.out + seen.err]).toEqual([code, says]);
      expect(left()).toEqual(stay);
    });
  }
});
