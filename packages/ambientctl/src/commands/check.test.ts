// `ambientctl check` as it is typed: what a whole mesh is told, in each form; what is said of each thing that is not whole; which exit code an end has.
// On a mesh with nodes it is tested in e2e/scenarios/check.test.ts.
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { systemClock } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { type Seen, typed } from '../testing/typed.ts';
import { certificate, client, now, wholeMesh } from '../testing/whole-mesh.ts';

const clock = { ...systemClock, now: () => now };
const seen = async (line: string, api: ApiServer, isTerminal = false): Promise<Seen> => typed(`check ${line}`, { api, clock, isTerminal });

describe('a mesh that is whole', () => {
  test('a line for each thing', async () => {
    await using api = await wholeMesh();
    expect(await seen('', api)).toEqual({
      code: 0,
      out: `✔ cluster        Kubernetes v1.33.1 answers
✔ cluster        all kinds of the mesh are defined
✔ cluster        you may do what this takes
✔ nodes          1 node can carry the mesh
✔ control plane  the control plane is ready (1 pod)
✔ nodes          a node agent is ready on each of 1 node
✔ nodes          a ztunnel is ready on each of 1 node
✔ proxies        all programs of the mesh are of version 1.0.0
✔ proxies        1 proxy took what the control plane sent
✔ certificates   1 certificate is valid, the first until 2026-01-02T11:00Z
✔ pods           the 1 pod that should be in the mesh is in it
✔ configuration  routes, policies and services hold no mistakes

12 right, 0 to look at, 0 wrong
`,
      err: '',
    });
  });
  test('as JSON', async () => {
    await using api = await wholeMesh();
    const { code, out } = await seen('-o json', api);
    expect([code, JSON.parse(out).slice(0, 1)]).toEqual([0, [{ topic: 'cluster', verdict: 'ok', text: 'Kubernetes v1.33.1 answers' }]]);
  });
  test('before the installation only the cluster is looked at', async () => {
    await using api = await wholeMesh({ pods: {}, undefinedKinds: ['gateways'] });
    expect(await seen('--pre', api)).toEqual({
      code: 0,
      out: '✔ cluster        Kubernetes v1.33.1 answers\n✔ cluster        you may do what this takes\n✔ nodes          1 node can carry the mesh\n\n3 right, 0 to look at, 0 wrong\n',
      err: '',
    });
  });
  test('signs are coloured on a terminal', async () => {
    await using api = await wholeMesh();
    expect((await seen('--pre', api, true)).out).toContain('\u001b[32m✔\u001b[0m cluster');
  });
});

const pod = (labels: object, more: object = {}, status: object = {}): object => ({
  metadata: { uid: 'x', labels, ...more },
  spec: { nodeName: 'node-a', containers: [{ image: 'a:1.0.0' }] },
  status: { phase: 'Running', podIPs: [{ ip: '10.0.0.2' }], conditions: [{ type: 'Ready', status: 'True' }], ...status },
});
const unready = { conditions: [{ type: 'Ready', status: 'False' }] };
const [agent, istiod] = [{ 'k8s-app': 'istio-cni-node' }, { app: 'istiod' }];

type Row = readonly [what: string, mesh: NonNullable<Parameters<typeof wholeMesh>[0]>, lines: readonly string[], flags?: string];
const broken: readonly Row[] = [
  ['an old Kubernetes', { version: 'v1.27.3' }, ['✘ cluster        Kubernetes v1.27.3 is too old']],
  ['something else than Kubernetes', { version: 'nonsense' }, ['! cluster        the API server says its version is "nonsense"']],
  [
    'kinds that the mesh cannot do without',
    { undefinedKinds: ['gateways'] },
    ['✘ cluster        1 kind of the mesh is not defined: gateways.gateway.networking.k8s.io/v1'],
  ],
  [
    'kinds that it can do without',
    { undefinedKinds: ['ratelimits'] },
    ['! cluster        1 kind of the mesh is not defined: ratelimits.ambient-mesh.dev/v1alpha1'],
  ],
  ['rights', { denied: ['pods'] }, ['✘ cluster        you may not create pods/portforward in istio-system']],
  [
    'rights to install',
    { denied: ['clusterroles', 'daemonsets'] },
    ['✘ cluster        you may not create clusterroles, create daemonsets in istio-system'],
    '--pre',
  ],
  [
    'a namespace that admits no privileged pods',
    { systemLabels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
    ['✘ cluster        namespace istio-system admits only baseline pods, and the node agent needs privileged ones'],
  ],
  ['an old kernel', { nodeInfo: { kernelVersion: '4.14.1' } }, ['✘ nodes          the kernel of node node-a, 4.14.1, is too old']],
  ['another architecture', { nodeInfo: { architecture: 's390x' } }, ['✘ nodes          node node-a is of architecture s390x']],
  ['nodes of Windows alone', { nodeInfo: { operatingSystem: 'windows' } }, ['✘ nodes          the cluster has no Linux nodes']],
  [
    'a control plane that is not ready',
    { pods: { 'istio-system/istiod-1': pod(istiod, {}, unready) } },
    ['✘ control plane  none of 1 pod of the control plane is ready'],
  ],
  [
    'half a control plane',
    { pods: { 'istio-system/istiod-2': pod(istiod, {}, unready) } },
    ['! control plane  1 of 2 pods of the control plane are ready'],
  ],
  [
    'no control plane',
    { pods: { 'istio-system/istiod-1': undefined } },
    ['✘ control plane  no control plane runs in namespace istio-system'],
  ],
  ['a node without an agent', { pods: { 'istio-system/cni-a': undefined } }, ['✘ nodes          node node-a has no node agent']],
  [
    'an agent that is not ready',
    { pods: { 'istio-system/cni-a': pod(agent, {}, unready) } },
    ['✘ nodes          the node agent of node node-a (cni-a) is not ready'],
  ],
  [
    'a node where nothing belongs to the mesh',
    { pods: { 'istio-system/ztunnel-a': undefined, 'shop/cart-1': undefined }, clients: [] },
    ['! nodes          node node-a has no ztunnel'],
  ],
  [
    'two versions',
    { pods: { 'istio-system/cni-a': { ...pod(agent), spec: { nodeName: 'node-a', containers: [{ image: 'a:0.9.0' }] } } } },
    ['! proxies        programs of the mesh are of 2 versions: 1.0.0 (istiod-1, ztunnel-a); 0.9.0 (cni-a)'],
  ],
  [
    'a ztunnel that no control plane knows',
    { clients: [] },
    ['✘ proxies        istio-system/ztunnel-a has no stream from the control plane: it goes on with what it knew'],
  ],
  [
    'a ztunnel that refuses',
    { clients: [client('ztunnel-a', 'ztunnel', { refused: true, lastRefusal: 'bad address' })] },
    ['✘ proxies        ztunnel-a.istio-system refused what it was sent: bad address'],
  ],
  [
    'a ztunnel that is behind',
    { clients: [client('ztunnel-a', 'ztunnel', { unanswered: 1, unansweredFor: 90_000 })] },
    ['! proxies        ztunnel-a.istio-system has not taken what it was sent over a minute ago'],
  ],
  [
    'a certificate that is over',
    { certificates: [certificate(-24, -1)] },
    ['✘ certificates   the certificate of spiffe://cluster.local/ns/shop/sa/cart in istio-system/ztunnel-a has expired'],
  ],
  [
    'a certificate that should be another by now',
    { certificates: [certificate(-20, 4)] },
    [
      '! certificates   the certificate of spiffe://cluster.local/ns/shop/sa/cart in istio-system/ztunnel-a ends at 2026-01-01T16:00:00.000Z and should have been renewed',
    ],
  ],
  [
    'clocks that differ',
    { certificates: [certificate(0.1, 24)] },
    ['✘ certificates   the certificate of spiffe://cluster.local/ns/shop/sa/cart in istio-system/ztunnel-a begins in 360 s'],
  ],
  [
    'no certificate',
    { certificates: [{ identity: 'spiffe://a', state: { Unavailable: 'refused' } }] },
    ['✘ certificates   istio-system/ztunnel-a has no certificate for spiffe://a: {"Unavailable":"refused"}'],
  ],
  [
    'a certificate to come',
    { certificates: [{ identity: 'spiffe://a', state: 'Initializing' }] },
    ['! certificates   istio-system/ztunnel-a has no certificate for spiffe://a: Initializing'],
  ],
  [
    'a pod that nobody enrolled',
    { pods: { 'shop/cart-1': pod({ app: 'cart' }) } },
    ['✘ pods           pod shop/cart-1 on node node-a should be in the mesh and is not: no node agent has said anything about it'],
  ],
  [
    'a pod that the agent could not enrol',
    {
      pods: { 'shop/cart-1': pod({ app: 'cart' }) },
      events: [
        {
          reason: 'NotEnrolled',
          message: 'Not in the mesh (rules): nft refused',
          involvedObject: { namespace: 'shop', name: 'cart-1' },
          eventTime: '2026-01-01T11:00:00Z',
        },
        {
          reason: 'NotEnrolled',
          message: 'Not in the mesh (no-namespace): older',
          involvedObject: { namespace: 'shop', name: 'cart-1' },
          eventTime: '2026-01-01T10:00:00Z',
        },
      ],
    },
    ['✘ pods           pod shop/cart-1 on node node-a should be in the mesh and is not: Not in the mesh (rules): nft refused'],
  ],
  [
    'a pod that waits for its ztunnel',
    { pods: { 'shop/cart-1': pod({ app: 'cart' }, { annotations: { 'ambient.istio.io/redirection': 'pending' } }) } },
    ['✘ pods           pod shop/cart-1 on node node-a should be in the mesh and is not: the ztunnel of its node has not taken it yet'],
  ],
  [
    'a pod that the ztunnel does not serve',
    { serves: [] },
    ['✘ pods           pod shop/cart-1 is enrolled, but the ztunnel of node node-a does not serve it'],
  ],
];

describe('what is not whole', () => {
  for (const [what, mesh, lines, flags = ''] of broken)
    test(what, async () => {
      await using api = await wholeMesh(mesh);
      const { code, out, err } = await seen(flags, api);
      expect(out.split('\n').filter((line) => /^[!✘] /.test(line))).toEqual(lines);
      const wrong = lines.filter((line) => line.startsWith('✘')).length;
      expect([code, err]).toEqual(wrong === 0 ? [0, ''] : [1, `ambientctl: ${wrong === 1 ? '1 thing is' : `${wrong} things are`} wrong\n`]);
      // Each says what to do.
      expect(out).toMatch(/^[!✘] .*\n {17}\S/m);
    });
  test('findings of analyze: errors one by one, the rest as a count', async () => {
    await using api = await wholeMesh();
    const labels = { 'istio.io/use-waypoint': 'gone' };
    api.objects.put('/api/v1/namespaces/shop/services', 'cart', { metadata: { labels }, spec: { selector: { app: 'none' } } });
    const np = { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] } };
    api.objects.put('/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies', 'web', np);
    const { code, out } = await seen('', api);
    expect([code, out.split('\n').filter((line) => /^[!✘] /.test(line))]).toEqual([
      1,
      [
        '✘ waypoints      Service shop/cart: It asks for waypoint shop/gone, and there is no such Gateway. [AMB0003]',
        '✘ configuration  NetworkPolicy shop/web: It selects cart-1, which the mesh serves, and no policy lets TCP port 15008 into them. [AMB0008]',
        '! configuration  analyze has 1 warning',
      ],
    ]);
  });
  test('nothing installed: one line, and nothing that follows from it', async () => {
    const none = { 'istio-system/istiod-1': undefined, 'istio-system/cni-a': undefined, 'istio-system/ztunnel-a': undefined };
    await using api = await wholeMesh({ pods: none });
    const { code, out, err } = await seen('', api);
    expect(out).toContain(
      '✘ control plane  nothing of the mesh runs in namespace istio-system\n                 Install it (ambientctl install), or say where it is (-i).\n',
    );
    expect([code, out.match(/^✘/gm)?.length, err]).toEqual([1, 1, 'ambientctl: 1 thing is wrong\n']);
  });
});

describe('what cannot be looked at: one sentence', () => {
  test('no cluster', async () => {
    expect(await typed('check')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^ambientctl: there is no way to a cluster: .*\n$/),
    });
  });
  test('nobody answers', async () => {
    const { code, out, err } = await typed('check', { api: { url: 'http://127.0.0.1:1' } });
    expect([code, out, err]).toEqual([1, '', expect.stringMatching(/^ambientctl: the cluster cannot be reached: .*\n$/)]);
  });
  test('no permission', async () => {
    await using api = await ApiServer.start();
    api.intercept = (_, response) => {
      answer(response, statusAnswer(403, 'Forbidden'));
      return true;
    };
    expect(await seen('', api)).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^ambientctl: you are not allowed to do this: .*\n$/),
    });
  });
});
