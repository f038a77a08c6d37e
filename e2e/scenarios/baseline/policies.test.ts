// Who is turned away: every mode of PeerAuthentication, and AuthorizationPolicies of layer 4, against every pair of pods on two ports.
// What is outside of the mesh is never affected. The pods of echo-apps.ts call each other; worked by stock kubectl. (facts: control-plane §11.1)
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallResult, echoPorts } from '../../lab/cluster/apps/echo-protocol.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type EchoName, echoNames, type Kind, type KubeManifest, kinds, namespace } from './echo-apps.ts';
import { EchoMesh, settles } from './echo-mesh.ts';

type Port = 'http' | 'tcp';
const ports = ['http', 'tcp'] as const;

interface Attempt {
  readonly from: EchoName;
  /** A pod by its address, or a Service by its name. */
  readonly to: EchoName | Kind;
  readonly port: Port;
}

const attemptsFrom = (from: EchoName): readonly Attempt[] =>
  [...echoNames, ...kinds].flatMap((to) => ports.map((port) => ({ from, to, port })));
const attempts = echoNames.flatMap(attemptsFrom);

const textOf = ({ from, to, port }: Attempt): string => `${from} to ${to} on ${port}`;
const isInMesh = (name: EchoName | Kind): boolean => !name.startsWith('un');
/** Not the mesh's business: see traffic.test.ts. */
const isSelf = ({ from, to }: Attempt): boolean => from === to;
const isForeign = ({ from, to }: Attempt): boolean => !isInMesh(from) && isInMesh(to);
const isMeshed = (attempt: Attempt): boolean => isInMesh(attempt.from) && isInMesh(attempt.to) && !isSelf(attempt);

/** How a connection ends that the mesh turns away; everything else is shown as it is. */
const turnedAway = ['ECONNRESET', 'socket hang up', 'closed without an answer'];

function wrongWith(attempt: Attempt, { error }: CallResult): string[] {
  if (error === undefined) return [];
  return [turnedAway.includes(error) ? textOf(attempt) : `${textOf(attempt)}: ${error}`];
}

const peerAuthentication = (name: string, spec: object, home = namespace): KubeManifest => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name, namespace: home },
  spec,
});

const authorization = (name: string, spec: object): KubeManifest => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace },
  spec: { selector: { matchLabels: { app: 'captured' } }, ...spec },
});

const mode = (name: 'STRICT' | 'PERMISSIVE') => ({ mode: name });
const captured = { selector: { matchLabels: { app: 'captured' } } };
const onHttp = (name: 'STRICT' | 'PERMISSIVE') => ({ portLevelMtls: { [echoPorts.http]: mode(name) } });

const operation = (port: Port) => [{ operation: { ports: [`${echoPorts[port]}`] } }];
const principal = (account: string) => [{ source: { principals: [`cluster.local/ns/${namespace}/sa/${account}`] } }];

type Row = readonly [rule: string, applied: readonly KubeManifest[], isDenied: (attempt: Attempt) => boolean];

const modes: readonly Row[] = [
  ['nothing is said: nobody is denied', [], () => false],
  ['permissive: nobody is denied', [peerAuthentication('home', { mtls: mode('PERMISSIVE') })], () => false],
  ['strict: who comes in clear is denied', [peerAuthentication('home', { mtls: mode('STRICT') })], isForeign],
  [
    'strict, but for one port of the workload: it takes what comes in clear there',
    [peerAuthentication('own', { ...captured, mtls: mode('STRICT'), ...onHttp('PERMISSIVE') })],
    (attempt) => isForeign(attempt) && attempt.port !== 'http',
  ],
  [
    'strict for the whole mesh, but for one port of the workload',
    [
      peerAuthentication('all', { mtls: mode('STRICT') }, 'istio-system'),
      peerAuthentication('own', { ...captured, ...onHttp('PERMISSIVE') }),
    ],
    (attempt) => isForeign(attempt) && attempt.port !== 'http',
  ],
  [
    'permissive for the whole mesh, but for one strict port of the workload',
    [
      peerAuthentication('all', { mtls: mode('PERMISSIVE') }, 'istio-system'),
      peerAuthentication('own', { ...captured, ...onHttp('STRICT') }),
    ],
    (attempt) => isForeign(attempt) && attempt.port === 'http',
  ],
];

const toMesh = (attempt: Attempt): boolean => isForeign(attempt) || isMeshed(attempt);

const authorizations: readonly Row[] = [
  [
    'one identity is allowed on one port: nobody else, and nothing else',
    [authorization('allow', { rules: [{ from: principal('captured'), to: operation('http') }] })],
    (attempt) => toMesh(attempt) && !(isMeshed(attempt) && attempt.port === 'http'),
  ],
  ['another identity is allowed: nobody gets in', [authorization('allow', { rules: [{ from: principal('client') }] })], toMesh],
  [
    'one identity is denied one port: it has the others, and others have that one',
    [authorization('deny', { action: 'DENY', rules: [{ from: principal('captured'), to: operation('http') }] })],
    (attempt) => isMeshed(attempt) && attempt.port === 'http',
  ],
  [
    'a port is denied to everybody',
    [authorization('deny', { action: 'DENY', rules: [{ to: operation('tcp') }] })],
    (attempt) => toMesh(attempt) && attempt.port === 'tcp',
  ],
  [
    'what is denied stays denied when it is allowed too',
    [
      authorization('allow', { rules: [{ from: principal('captured') }] }),
      authorization('deny', { action: 'DENY', rules: [{ to: operation('tcp') }] }),
    ],
    (attempt) => toMesh(attempt) && !(isMeshed(attempt) && attempt.port === 'http'),
  ],
  [
    'allowed by path, which nobody on the way can read: nobody gets in',
    [authorization('allow', { rules: [{ to: [{ operation: { paths: ['/'] } }] }] })],
    toMesh,
  ],
];

describe.skipIf(!hasKubectl())('in a namespace that is in the mesh', () => {
  let echo: EchoMesh;
  /** When each pod came to be ready, before any of the rules. */
  let readySince: object;
  beforeAll(async () => {
    echo = await EchoMesh.start();
    readySince = await echo.readySince();
  }, 120_000);
  afterAll(() => echo?.[Symbol.asyncDispose]());

  async function denied(): Promise<readonly string[]> {
    const all = await Promise.all(echoNames.map((from) => outcomes(from)));
    return all.flat();
  }

  async function outcomes(from: EchoName): Promise<readonly string[]> {
    const own = attemptsFrom(from);
    const orders = own.map(({ to, port }) => ({
      protocol: port,
      host: to === 'captured' || to === 'uncaptured' ? to : echo.pod(to).v4,
      port: echoPorts[port],
      timeoutMs: 3_000,
    }));
    const results = await echo.calls(from, orders);
    return own.flatMap((attempt, i) => wrongWith(attempt, results[i]?.[0] ?? { error: 'no result' }));
  }

  const expected = (isDenied: Row[2]): readonly string[] => attempts.filter(isDenied).map(textOf);

  describe.each([
    ['PeerAuthentication', modes],
    ['AuthorizationPolicy', authorizations],
  ] as const)('%s', (_, rows) => {
    test.each(rows)('%s', async (_rule, objects, isDenied) => {
      await using _objects = objects.length === 0 ? undefined : await echo.applied(...objects);
      await settles(expected(isDenied), denied);
    });
  });

  test('what is no longer there is no longer in force', () => settles([], denied));

  test('the probes of the nodes were let in all the while', async () => {
    expect(Object.keys(readySince)).toHaveLength(echoNames.length);
    expect(await echo.readySince()).toEqual(readySince);
  });
});
