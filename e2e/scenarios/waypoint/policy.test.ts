// What a waypoint enforces: AuthorizationPolicies that look into requests, tokens, limits, and that pods of a service with a required waypoint take
// nothing that did not come through it (facts: control-plane §6.3, §6.4; require-waypoint is ours).
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type Case, consumer, holds, type Manifest, MeshStage, mesh, patience } from './mesh-stage.ts';

const security = 'security.istio.io/v1';
const service = (name = 'echo-v1'): object => ({ kind: 'Service', group: '', name });

const policy = (name: string, spec: object): Manifest => ({
  apiVersion: security,
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: mesh },
  spec: { targetRefs: [service()], ...spec },
});
const allowed = (url: string, more: Partial<Case> = {}): Case => ({ url, want: { backend: 'echo-v1' }, ...more });
const denied = (url: string, more: Partial<Case> = {}): Case => ({ url, want: { status: 403 }, ...more });

describe.skipIf(!hasKubectl())('policies of a waypoint', () => {
  let stage: MeshStage;
  beforeAll(async () => {
    stage = await MeshStage.start();
  }, 120_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const check = async (objects: readonly Manifest[], cases: readonly Case[]): Promise<void> => {
    await using _objects = await stage.applied(...objects);
    await holds(stage, cases);
  };
  const url = `http://echo-v1.${mesh}`;

  test('ALLOW by method and path: everything else is 403, and other services are as they were', () =>
    check(
      [policy('only-get', { action: 'ALLOW', rules: [{ to: [{ operation: { methods: ['GET'], paths: ['/public/*'] } }] }] })],
      [
        allowed(`${url}/public/a`),
        denied(`${url}/public/a`, { method: 'POST', body: 'x' }),
        denied(`${url}/private`),
        denied(`${url}/public/../private`),
        denied(`${url}/public/%2e%2e/private`),
        { url: `http://echo-v2.${mesh}/private`, want: { backend: 'echo-v2' } },
      ],
    ));

  test('DENY by path cannot be gone around by another spelling', () =>
    check(
      [policy('no-admin', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin', '/admin/*'] } }] }] })],
      [
        allowed(`${url}/other`),
        ...['/admin', '/admin/x', '/a/../admin', '/%61dmin', '/./admin', '/admin?x=1', '/x/%2e%2e/admin'].map((path) =>
          denied(`${url}${path}`),
        ),
      ],
    ));

  test('by who asks, and by header', () =>
    check(
      [
        policy('who', {
          action: 'ALLOW',
          rules: [
            { from: [{ source: { namespaces: [consumer] } }] },
            {
              from: [{ source: { principals: [`cluster.local/ns/${mesh}/sa/default`] } }],
              when: [{ key: 'request.headers[x-pass]', values: ['yes'] }],
            },
          ],
        }),
      ],
      [
        allowed(url, { from: 'CC' }),
        denied(url),
        allowed(url, { headers: { 'x-pass': 'yes' } }),
        denied(url, { headers: { 'x-pass': 'no' } }),
      ],
    ));

  test('path templates', () =>
    check(
      [policy('templates', { action: 'ALLOW', rules: [{ to: [{ operation: { paths: ['/orders/{*}/items/{**}'] } }] }] })],
      [
        allowed(`${url}/orders/7/items/a/b`),
        allowed(`${url}/orders/7/items/`),
        denied(`${url}/orders/7/8/items/a`),
        denied(`${url}/orders`),
      ],
    ));

  test('a policy for the whole waypoint', () =>
    check(
      [
        policy('all', {
          targetRefs: [{ kind: 'Gateway', group: 'gateway.networking.k8s.io', name: 'namespace' }],
          action: 'DENY',
          rules: [{ to: [{ operation: { paths: ['/secret'] } }] }],
        }),
      ],
      [allowed(url), denied(`${url}/secret`), { url: `http://echo-v2.${mesh}/secret`, want: { status: 403 } }],
    ));

  test('gRPC callers get PERMISSION_DENIED', () =>
    check(
      [policy('no-grpc', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/a.B/C'] } }] }] })],
      [{ url: `grpc://echo-v1.${mesh}:7070/a.B/C`, want: { status: 200, grpcStatus: 7 } }],
    ));

  test('a dry run denies nothing', () =>
    check(
      [
        {
          ...policy('dry', { action: 'DENY', rules: [{}] }),
          metadata: { name: 'dry', namespace: mesh, annotations: { 'istio.io/dry-run': 'true' } },
        },
      ],
      [allowed(url)],
    ));

  test('the status names the waypoint that enforces', async () => {
    await using _policy = await stage.applied(policy('told', { action: 'ALLOW', rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }));
    const said = (): Promise<string> =>
      stage.k(`get authorizationpolicy told -o jsonpath={.status.conditions[?(@.type=="WaypointAccepted")].message}`);
    await eventually(async () => ((await said()) === `bound to ${mesh}/namespace` ? true : undefined), { ...patience, what: 'the status' });
  });

  test('tokens: good ones pass and are looked into, bad ones are 401, none is no objection by itself', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' }] });
    const token = (claims: Record<string, unknown>, expires = '1h'): Promise<string> =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setIssuer('https://issuer')
        .setSubject('someone')
        .setExpirationTime(expires)
        .sign(privateKey);
    const bearer = (text: string): Pick<Case, 'headers'> => ({ headers: { authorization: `Bearer ${text}` } });
    const [admin, guest, old] = await Promise.all([token({ groups: ['admins'] }), token({ groups: ['guests'] }), token({}, '-1h')]);
    await check(
      [
        {
          apiVersion: security,
          kind: 'RequestAuthentication',
          metadata: { name: 'tokens', namespace: mesh },
          spec: {
            targetRefs: [service()],
            jwtRules: [{ issuer: 'https://issuer', jwks, outputClaimToHeaders: [{ header: 'x-sub', claim: 'sub' }] }],
          },
        },
        policy('admins', {
          action: 'DENY',
          rules: [{ to: [{ operation: { paths: ['/admin'] } }], when: [{ key: 'request.auth.claims[groups]', notValues: ['admins'] }] }],
        }),
      ],
      [
        allowed(url),
        allowed(`${url}/admin`, { ...bearer(admin), want: { backend: 'echo-v1', seen: { 'x-sub': 'someone', authorization: undefined } } }),
        denied(`${url}/admin`, bearer(guest)),
        denied(`${url}/admin`),
        allowed(url, { ...bearer(guest), want: { backend: 'echo-v1' } }),
        { url, ...bearer(old), want: { status: 401 } },
        { url, ...bearer(`${admin}x`), want: { status: 401 } },
        { url, ...bearer('nonsense'), want: { status: 401 } },
      ],
    );
  });

  test('a limit of its own counts per client', async () => {
    await using _limit = await stage.applied({
      apiVersion: 'ambient-mesh.dev/v1alpha1',
      kind: 'RateLimit',
      metadata: { name: 'few', namespace: mesh },
      spec: { targetRefs: [service()], limits: [{ requests: 3, per: ['request.headers[x-who]'], every: '1h' }] },
    });
    const statuses = async (who: string): Promise<readonly (number | undefined)[]> => {
      const [results = []] = await stage.requests('V1', [{ url, count: 5, headers: [['x-who', who]] }]);
      return results.map(({ status }) => status);
    };
    let turn = 0;
    const limited = async (): Promise<true | undefined> =>
      (await statuses(`w${turn++}`)).join() === '200,200,200,429,429' ? true : undefined;
    await eventually(limited, { ...patience, what: 'two refusals in five' });
    expect(await statuses('somebody else')).toEqual([200, 200, 200, 429, 429]);
  });

  describe('a required waypoint', () => {
    const conditions = async (): Promise<string> =>
      stage.k(`get service echo-v1 -o jsonpath={.status.conditions[?(@.type=="ambient-mesh.dev/WaypointRequired")].status}`);

    test('pods refuse what did not come through it', async () => {
      const { ip } = stage.pod('V1');
      await stage.k('annotate service echo-v1 ambient-mesh.dev/require-waypoint=true');
      try {
        await holds(stage, [allowed(url, { from: 'V2' })]);
        const refused = async (): Promise<true | undefined> => {
          const result = await stage.request('V2', { url: `http://${ip}:8080/` });
          return result.error === undefined ? undefined : true;
        };
        await eventually(refused, { ...patience, what: 'the pod to refuse' });
        await eventually(async () => ((await conditions()) === 'True' ? true : undefined), { ...patience, what: 'the status' });
      } finally {
        await stage.k('annotate service echo-v1 ambient-mesh.dev/require-waypoint-');
      }
      await eventually(async () => ((await stage.request('V2', { url: `http://${ip}:8080/` })).status === 200 ? true : undefined), {
        ...patience,
        what: 'the pod to answer again',
      });
    });

    test('pods refuse everything while there is no waypoint', async () => {
      await stage.k('label service echo-v1 istio.io/use-waypoint=missing');
      await stage.k('annotate service echo-v1 ambient-mesh.dev/require-waypoint=true');
      try {
        const refused = async (): Promise<true | undefined> => {
          const result = await stage.request('V2', { url });
          return result.error === undefined && result.status !== 503 ? undefined : true;
        };
        await eventually(refused, { ...patience, what: 'the service to refuse' });
        await eventually(async () => ((await conditions()) === 'False' ? true : undefined), { ...patience, what: 'the status' });
      } finally {
        await stage.k('annotate service echo-v1 ambient-mesh.dev/require-waypoint-');
        await stage.k('label service echo-v1 istio.io/use-waypoint-');
      }
      await holds(stage, [allowed(url, { from: 'V2' })]);
    });
  });
});
