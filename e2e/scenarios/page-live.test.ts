// The page of the graph on a living mesh, served by `ambientctl dashboard`, in a real browser: traffic appears, a denial turns red, a waypoint is a hop.
// What the page does with what it gets is page.test.ts; what the server answers is graph.test.ts.
import { Netns } from '@ambient-mesh/host/netns';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../lab/child.ts';
import { Chromium, hasChromium, type Viewer } from '../lab/chromium.ts';
import { eventually } from '../lab/eventually.ts';
import { colourOf, dots, screenshot } from '../lab/in-page.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { ambientctl, MeshLab, manifest } from '../lab/mesh-lab.ts';
import { buildPage } from '../lab/page-backend.ts';

const patience = { timeout: 20_000 };
/** From traffic to its edge on the page. */
const soon = { timeout: 5_000 };

describe.skipIf(!hasChromium() || !hasKubectl())('the page on a living mesh (needs Chromium and kubectl)', () => {
  const owned = new AsyncDisposableStack();
  let mesh: MeshLab;
  let viewer: Viewer;
  let page: Page;

  beforeAll(async () => {
    await buildPage();
    mesh = owned.use(await MeshLab.start());
    const argv = [process.execPath, ambientctl, 'dashboard', '--no-open', '--kubeconfig', mesh.cluster.kubeconfigPath];
    const dashboard = owned.use(new Child({ netns: Netns.current(), cwd: mesh.lab.folder, argv, env: { PATH: process.env.PATH ?? '' } }));
    const url = (await dashboard.line(/^http:/, 20_000)).trim();
    const chromium = owned.use(await Chromium.start());
    // Its address lets one browser in, once: all tests share this one.
    viewer = owned.use(await chromium.open(`${url}#view=table&window=15`, { width: 1440, height: 900, theme: 'light' }));
    page = viewer.page;
    await page.locator('#summary', { hasText: 'node' }).waitFor(patience);
  }, 180_000);
  afterAll(() => owned.disposeAsync());

  const row = (from: string, to: string) => page.locator('#table tbody tr').filter({ hasText: from }).filter({ hasText: to }).first();
  const curl = (...more: readonly string[]) => mesh.kubectl.run(['exec', 'client', '--', 'curl', '-s', '-m', '5', ...more]);

  test('an edge within five seconds of its traffic, with a closed lock', async () => {
    await curl(`http://${await mesh.ipOf('server-b')}:8080/`);
    const direct = row('default/client', 'default/server-b');
    await direct.waitFor(soon);
    expect(await direct.locator('[data-lock]').getAttribute('data-lock')).toBe('closed');
  });

  test('a denial turns red with its policy, in the table and in the picture, and its log line is one press away', async () => {
    const url = `http://${await mesh.ipOf('server-b')}:8080/`;
    await mesh.kubectl.ok(`apply -f ${manifest('deny')}`);
    await expect.poll(async () => (await curl(url)).code, patience).not.toBe(0);
    const direct = row('default/client', 'default/server-b');
    await direct.locator('.denied', { hasText: 'default/deny-client' }).waitFor(soon);
    expect(await colourOf(direct.locator('.denied'))).toBe('rgb(196, 43, 43)');
    await direct.locator('a').click();
    await page.locator('#log-lines li.is-denied').first().waitFor(patience);
    await page.getByRole('button', { name: 'Explain this connection' }).click();
    await page.locator('#explanation .is-denied', { hasText: 'default/deny-client' }).waitFor(patience);
    await page.getByRole('button', { name: 'Graph', exact: true }).click();
    await expect.poll(() => dots(page, 'denied'), patience).toBeGreaterThan(20);
    await screenshot(page, 'lab');
    await mesh.kubectl.ok(`delete -f ${manifest('deny')}`);
  }, 90_000);

  test('a waypoint stands as a hop between its clients and the service', async () => {
    const { kubectl } = mesh;
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await kubectl.ok(`apply -f ${manifest('waypoint')}`);
    await kubectl.ok('wait gateway/waypoint --for=condition=Programmed --timeout=60s');
    await kubectl.ok('label service server istio.io/use-waypoint=waypoint');
    await kubectl.ok('wait service/server --for=condition=istio.io/WaypointBound --timeout=20s');
    const hop = page.locator('#table tbody tr', { has: page.locator('th .waypoint') }).filter({ hasText: /HTTP.*\/s/ });
    const seen = async (): Promise<true | undefined> => {
      await curl('http://server/');
      return (await hop.count()) > 0 ? true : undefined;
    };
    // New proxies are looked for every ten seconds.
    await eventually(seen, { timeoutMs: 40_000, everyMs: 500, what: 'requests through the waypoint' });
    await page
      .locator('#table tbody tr', { has: page.locator('td .waypoint') })
      .first()
      .waitFor(patience);
  }, 180_000);

  test('and nothing went wrong on the page meanwhile', () => expect(viewer.faults).toEqual([]));
});
