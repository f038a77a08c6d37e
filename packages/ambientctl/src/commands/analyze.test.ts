// `ambientctl analyze` as it is typed: what is printed in each form, what the flags leave out, which exit code an end has, and what it says when it cannot look.
// What is found in objects is tested beside the analyzers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Seen, temporaryFolder, typed } from '../testing/typed.ts';

const mistakes = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec: { template: { metadata: { labels: { app: cart } }, spec: { containers: [{ name: a, ports: [{ containerPort: 8080 }] }] } } }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop, labels: { istio.io/use-waypoint: gone } }
spec: { selector: { app: cart }, ports: [{ name: web, port: 80, targetPort: 8080 }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: "web\\e[31m", namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }] }
`;

let home: ReturnType<typeof temporaryFolder>;
let file: string;
beforeEach(() => {
  home = temporaryFolder();
  file = join(home.path, 'all.yaml');
  writeFileSync(file, mistakes);
});
afterEach(() => home[Symbol.dispose]());
const type = (line: string): Promise<Seen> => typed(`analyze --use-kube=false ${line}`);

describe('files alone', () => {
  test('the worst first, each with what to do; what anybody wrote into a name does not reach the terminal as a command', async () => {
    expect(await type(file)).toEqual({
      code: 79,
      out: `Error [AMB0003] (Service shop/cart) It asks for waypoint shop/gone, and there is no such Gateway.
    Deploy it (ambientctl waypoint apply --name …), or correct the label.
Error [AMB0008] (NetworkPolicy shop/web [31m) It selects cart, which the mesh serves, and no policy lets TCP port 15008 into them.
    Add TCP port 15008 to the rules, from and to the same peers. Which port of the application may be reached is for an AuthorizationPolicy.
Info [IST0118] (Service shop/cart) Port 80 is named web, which does not say what it speaks.
    Set appProtocol, or let the name begin with the protocol and a hyphen: http-web, tcp-db.
`,
      err: 'ambientctl: 2 findings at level Error or worse\n',
    });
  });
  test('as JSON', async () => {
    const { code, out } = await type(`${file} -o json --output-threshold Error --analyzer waypoint.BindingAnalyzer`);
    expect([code, JSON.parse(out)]).toEqual([
      79,
      [
        {
          code: 'AMB0003',
          name: 'WaypointMissing',
          level: 'Error',
          origin: 'Service shop/cart',
          object: { kind: 'Service', namespace: 'shop', name: 'cart' },
          message: 'It asks for waypoint shop/gone, and there is no such Gateway.',
          advice: 'Deploy it (ambientctl waypoint apply --name …), or correct the label.',
        },
      ],
    ]);
  });
  test('nothing to say', async () => {
    const clean = join(home.path, 'clean.yaml');
    writeFileSync(clean, '');
    expect(await type(clean)).toEqual({ code: 0, out: '✔ No validation issues found in all that was looked at.\n', err: '' });
    expect(await type(`${clean} -o json`)).toEqual({ code: 0, out: '[]\n', err: '' });
  });

  const flags: readonly (readonly [what: string, words: readonly string[], code: number, found: readonly string[]])[] = [
    ['only what is bad', ['--output-threshold', 'Error'], 79, ['AMB0003', 'AMB0008']],
    ['one analyzer', ['--analyzer', 'service.PortNameAnalyzer'], 0, ['IST0118']],
    ['one analyzer, and a low threshold', ['--analyzer', 'service.PortNameAnalyzer', '--failure-threshold', 'Info'], 79, ['IST0118']],
    ['two left out', ['-S', 'AMB0003=Service shop/cart', '--suppress', 'AMB0008=NetworkPolicy shop/we*m'], 0, ['IST0118']],
    ['all left out', ['-S', 'AMB0003=* *', '-S', 'AMB0008=* *', '-S', 'IST0118=Service shop/*'], 0, []],
    ['what is left out is another', ['-S', 'AMB0003=Service shop/car', '-S', 'AMB0008=Service *'], 79, ['AMB0003', 'AMB0008', 'IST0118']],
  ];
  for (const [what, words, code, found] of flags)
    test(`flags: ${what}`, async () => {
      const seen = await typed(['analyze', '--use-kube=false', file, ...words]);
      expect([seen.code, [...seen.out.matchAll(/\[([A-Z]{3}\d{4})\]/g)].map(([, each]) => each)]).toEqual([code, found]);
    });
  test('folders stand for what is in them, and deeper only when told so', async () => {
    mkdirSync(join(home.path, 'a/b'), { recursive: true });
    writeFileSync(join(home.path, 'a/b/deep.yaml'), mistakes);
    writeFileSync(join(home.path, 'a/readme.md'), 'no: [yaml');
    expect((await type(join(home.path, 'a'))).code).toBe(0);
    expect((await type(`-R ${join(home.path, 'a')}`)).code).toBe(79);
  });
  test('-L lists the analyzers', async () => {
    const { code, out } = await type('-L');
    expect(code).toBe(0);
    expect(out).toMatch(/^NAME {2,}CODES {2,}IT LOOKS WHETHER\n/);
    expect(out).toMatch(/^networkpolicy\.TunnelPortAnalyzer +AMB0008 +NetworkPolicies let TCP port 15008 through/m);
  });
});

describe('what cannot be looked at: one sentence', () => {
  const rows: readonly (readonly [what: string, words: readonly string[], code: number, says: RegExp])[] = [
    ['a file that is not there', ['--use-kube=false', '/nonexistent.yaml'], 1, /^ambientctl: \/nonexistent\.yaml cannot be read: .*ENOENT/],
    ['no cluster', [], 1, /^ambientctl: there is no way to a cluster: /],
    ['a code that is none', ['-S', 'AMB9999=Service shop/cart'], 2, /Write it as CODE=Kind namespace\/name/],
    ['an analyzer that is none', ['--analyzer', 'nobody'], 2, /There is none of that name; -L lists them/],
    ['a level that is none', ['--failure-threshold', 'Fatal'], 2, /Allowed choices are Info, Warning, Error/],
  ];
  for (const [what, words, code, says] of rows)
    test(what, async () => {
      const seen = await typed(['analyze', ...words]);
      expect([seen.code, seen.out]).toEqual([code, '']);
      expect(seen.err).toMatch(says);
    });
  test('a broken file', async () => {
    writeFileSync(file, 'a: [');
    const { code, out, err } = await type(file);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^ambientctl: .*all\.yaml is not YAML: .*\n$/);
  });
  test('no permission', async () => {
    await using api = await ApiServer.start();
    api.intercept = (_, response) => {
      answer(response, statusAnswer(403, 'Forbidden'));
      return true;
    };
    const { code, err } = await typed('analyze', { api });
    expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: you are not allowed to do this: list /)]);
  });
});

describe('a cluster', () => {
  const clustered = async (): Promise<ApiServer> => {
    const api = await ApiServer.start();
    const labels = { 'istio.io/use-waypoint': 'gone' };
    for (const namespace of ['shop', 'other']) {
      api.objects.put('/api/v1/namespaces', namespace, {});
      api.objects.put(`/api/v1/namespaces/${namespace}/services`, 'cart', { metadata: { labels }, spec: { type: 'ExternalName' } });
    }
    return api;
  };
  const objects = ({ out }: Seen): readonly string[] => [...out.matchAll(/^\w+ \[\w+\] \((.*?)\)/gm)].map(([, each = '']) => each);

  test('one namespace, or all', async () => {
    await using api = await clustered();
    expect(objects(await typed('analyze', { api }))).toEqual(['Service shop/cart']);
    expect(objects(await typed('analyze -n other', { api }))).toEqual(['Service other/cart']);
    expect(objects(await typed('analyze -A', { api }))).toEqual(['Service other/cart', 'Service shop/cart']);
  });
  test('files as they would be in it: what is there counts, and only what is named is told of', async () => {
    await using api = await clustered();
    const gateway =
      '\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: gone, namespace: shop }\nspec: { gatewayClassName: istio-waypoint }\n';
    writeFileSync(file, `${mistakes}${gateway}`);
    const { out } = await typed(['analyze', file], { api });
    expect(out).not.toContain('AMB0003');
    expect(out).not.toContain('other/cart');
    expect(out).toContain('AMB0008');
  });
});
