// What is true of every command: how it refuses what makes no sense, and what it says when the cluster is not what it should be.
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { describe, expect, test } from 'vitest';
import { typed } from './testing/typed.ts';

describe('usage', () => {
  const rows: readonly (readonly [line: string, says: RegExp])[] = [
    ['', /^Usage: ambientctl/],
    ['nonsense', /unknown command 'nonsense'/],
    ['waypoint', /^Usage: ambientctl waypoint/],
    ['waypoint list --nonsense', /unknown option '--nonsense'/],
    ['waypoint list extra', /too many arguments/],
    ['waypoint list -o xml', /Allowed choices are table, json, yaml, short/],
    ['waypoint apply --for everything', /Allowed choices are service, workload, all, none/],
    ['waypoint apply --name none', /"none" is no name/],
    ['waypoint apply --waypoint-timeout soon', /no duration such as 90s or 2m/],
  ];
  for (const [line, says] of rows) {
    test(`"${line}" is refused with exit code 2`, async () => {
      const { code, out, err } = await typed(line);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(says);
    });
  }
  test('help and version are no mistakes', async () => {
    expect(await typed('--version')).toEqual({ code: 0, out: '0.0.0\n', err: '' });
    expect(await typed('waypoint apply --help')).toMatchObject({ code: 0, out: expect.stringContaining('--enroll-namespace'), err: '' });
  });
});

describe('a cluster that is not what it should be: one sentence and exit code 1', () => {
  const readers = ['ztunnel-config all', 'zc log', 'waypoint config routes', 'proxy-status', 'tail', 'top', 'bug-report /nonexistent/x'];
  const lines = ['waypoint list', 'waypoint status', 'waypoint delete --all', 'waypoint apply', 'waypoint apply --enroll-namespace'];
  for (const line of [...lines, ...readers]) {
    const failsWith = async (says: RegExp, api?: Pick<ApiServer, 'url'>): Promise<void> => {
      const { code, out, err } = await typed(line, { api });
      expect([code, out]).toEqual([1, '']);
      expect(err).toMatch(says);
      expect(err.trim().split('\n')).toHaveLength(1);
    };
    test(`${line}: no kubeconfig`, () => failsWith(/^ambientctl: there is no way to a cluster: .*--kubeconfig or KUBECONFIG\n$/));
    test(`${line}: nobody answers`, async () => {
      await failsWith(/^ambientctl: the cluster cannot be reached: .*ECONNREFUSED/, { url: 'http://127.0.0.1:1' });
    });
    const refusals: readonly (readonly [what: string, code: number, reason: string, says: RegExp])[] = [
      ['no permission', 403, 'Forbidden', /^ambientctl: you are not allowed to do this: .*(Gateway|gateways|Namespace|pods|version)/],
      ['credentials that are not accepted', 401, 'Unauthorized', /^ambientctl: the cluster does not accept these credentials: /],
      [
        'nothing installed',
        404,
        'NotFound',
        /^ambientctl: (this cluster knows no Gateway|nothing in this cluster deploys|there is no namespace)/,
      ],
    ];
    for (const [what, code, reason, says] of refusals) {
      // What they say when there are no pods is tested beside them.
      if (code === 404 && readers.includes(line)) continue;
      test(`${line}: ${what}`, async () => {
        await using api = await ApiServer.start();
        api.intercept = (_, response) => {
          answer(response, statusAnswer(code, reason));
          return true;
        };
        await failsWith(says, api);
      });
    }
  }
  test('KUBECONFIG with several files is refused rather than half read', async () => {
    const { code, err } = await typed('waypoint list', { env: { KUBECONFIG: '/a:/b' } });
    expect([code, err]).toEqual([1, 'ambientctl: KUBECONFIG names 2 files, which are not merged here: name one with --kubeconfig\n']);
  });
  test('a context that is not there', async () => {
    await using api = await ApiServer.start();
    const { code, err } = await typed('waypoint list --context nowhere', { api });
    expect([code, err]).toEqual([1, expect.stringContaining('"nowhere"')]);
  });
});

test('colours are for terminals, and not for those who object', async () => {
  await using api = await ApiServer.start();
  api.objects.put('/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways', 'w', { spec: { gatewayClassName: 'istio-waypoint' } });
  const see = async (isTerminal: boolean, env: Record<string, string> = {}): Promise<boolean> =>
    (await typed('waypoint list', { api, isTerminal, env })).out.includes('\u001b');
  expect([await see(true), await see(false), await see(true, { NO_COLOR: '1' }), await see(true, { TERM: 'dumb' })]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
