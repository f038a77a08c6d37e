// The page of the graph in a real browser: what it shows, by pointer and by keyboard, in both themes, on a phone and on a desk.
// On a stand-in for its server (page-backend.ts); on a living mesh it is page-live.test.ts. Screenshots go to a folder named by PAGE_SCREENSHOTS, if any.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium, hasChromium, type Screen, type Viewer } from '../lab/chromium.ts';
import { backgroundOf, chips, colourOf, dots, framesDuring, screenshot, seriousFaults } from '../lab/in-page.ts';
import { PageBackend } from '../lab/page-backend.ts';
import { edge, mesh, node, shop } from '../lab/sample-graphs.ts';

const desk: Screen = { width: 1440, height: 900, theme: 'light' };
const phone: Screen = { width: 390, height: 844, theme: 'light' };
const screens: readonly Screen[] = [desk, phone].flatMap((screen) => [screen, { ...screen, theme: 'dark' }]);
const denied = 'workload:batch/mailer>workload:bank/ledger>tcp';
const patience = { timeout: 15_000 };

const rows = (page: Page) => page.locator('#table tbody tr');
const row = (page: Page, text: string) => rows(page).filter({ hasText: text });
const says = (page: Page, selector: string, text: string) =>
  page
    .locator(selector, { hasText: text })
    .first()
    .waitFor({ state: 'attached', ...patience });
const ready = (page: Page) => says(page, '#summary', 'edge');

describe.skipIf(!hasChromium())('the page (needs Chromium)', () => {
  let chromium: Chromium;
  let backend: PageBackend;
  let viewer: Viewer;
  let page: Page;

  beforeAll(async () => {
    chromium = await Chromium.start();
  });
  afterAll(() => chromium?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    backend = await PageBackend.start(shop());
  });
  afterEach(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    expect(viewer.faults.splice(0)).toEqual([]);
  });

  async function open(hash = '', screen = desk): Promise<void> {
    viewer = await chromium.open(`${backend.url}${hash}`, screen);
    page = viewer.page;
    await ready(page);
  }

  test('the picture says in words what it shows, and shows denials and clear text in their colours', async () => {
    await open('#view=graph');
    expect(await page.getByRole('application').getAttribute('aria-label')).toBe(
      'Graph: 12 nodes, 10 edges, 6.7 MB/s, 1 denied, 2 in clear',
    );
    await expect.poll(() => dots(page, 'denied'), patience).toBeGreaterThan(50);
    await expect.poll(() => dots(page, 'clear'), patience).toBeGreaterThan(20);
    backend.graph = { ...shop(), edges: shop().edges.filter(({ denials, security }) => denials === 0 && security !== 'none') };
    await expect.poll(() => dots(page, 'denied'), patience).toBe(0);
  });

  test('a new edge and a new denial turn up by themselves, and the denial is announced', async () => {
    await open('#view=table');
    backend.graph = {
      ...backend.graph,
      nodes: [...backend.graph.nodes, node('workload', 'batch', 'probe')],
      edges: [...backend.graph.edges, edge('workload:batch/probe', 'workload:bank/audit', { denials: 1, deniedBy: ['bank/closed'] })],
    };
    await says(page, '#news', 'Denied: batch/probe to bank/audit, bank/closed.');
    expect(await row(page, 'batch/probe').locator('.denied').textContent()).toBe('1 · bank/closed');
  });

  test('who is there stays where it is when others come', async () => {
    await open('#view=graph');
    let before = '';
    const isAtRest = async (): Promise<boolean> => {
      const earlier = before;
      before = await chips(page);
      return before === earlier;
    };
    await expect.poll(isAtRest, { ...patience, interval: 400 }).toBe(true);
    backend.graph = { ...backend.graph, nodes: [...backend.graph.nodes, node('workload', 'new', 'comer')] };
    await says(page, '#summary', '13 nodes');
    expect(await chips(page)).toBe(before);
  });

  test('the table: figures, locks, the policy in red; sorted by pressing a heading', async () => {
    await open('#view=table');
    const mailer = row(page, 'batch/mailer');
    expect(await mailer.locator('td').allTextContents()).toEqual([
      ...['bank/ledger', 'mTLS', 'TCP', '–', '0.2/s', '–', '–', '–', '–', '–', '12 · bank/only-cart'],
    ]);
    expect(await colourOf(mailer.locator('.denied'))).toBe('rgb(196, 43, 43)');
    expect(await row(page, 'shop/waypoint').last().textContent()).toMatch(/HTTP.*42\/s3 %4\.2 ms87 ms/);
    expect(await row(page, 'bank/audit').locator('[data-lock=open]').textContent()).toBe('Clear');
    await page.getByRole('button', { name: 'Denied', exact: true }).click();
    expect(await page.locator('th.denied').getAttribute('aria-sort')).toBe('descending');
    expect(await rows(page).first().textContent()).toContain('batch/mailer');
    await page.getByRole('button', { name: 'From', exact: true }).click();
    await page.getByRole('button', { name: 'From', exact: true }).click();
    expect(await rows(page).first().textContent()).toContain('shop/web');
    expect(page.url()).toContain('sort=-from');
  });

  test('filters and search agree with each other, live in the address, and are cleared by one press', async () => {
    await open('#view=table');
    await page.getByLabel('Only in clear').check();
    expect(await rows(page).count()).toBe(2);
    await page.getByRole('searchbox').fill('audit');
    await expect.poll(() => rows(page).count()).toBe(1);
    const link = page.url();
    await page.getByLabel('Only denied').check();
    await says(page, '#empty', 'Nothing matches the filters');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    expect(await rows(page).count()).toBe(10);
    await page.getByLabel('Protocol').selectOption('http');
    expect(await rows(page).count()).toBe(2);
    await page.getByLabel('Protocol').selectOption('');
    await page.locator('#namespaces-summary').click();
    await page.getByLabel('batch', { exact: true }).check();
    expect(await rows(page).count()).toBe(2);
    await page.goto('about:blank');
    await page.goto(link);
    await ready(page);
    expect([await rows(page).count(), await page.getByRole('searchbox').inputValue()]).toEqual([1, 'audit']);
  });

  test('the window is what the backend is asked for', async () => {
    await open();
    await page.getByLabel('Window').selectOption('300');
    await expect.poll(() => backend.asked).toContain('/api/graph?window=300');
  });

  test('details: figures, identities, log lines, an explanation; one address holds them', async () => {
    backend.log = { lines: [{ at: 1_700_000_000_000, pod: 'ztunnel-a', text: 'access connection complete error="denied"' }] };
    backend.explanation = { steps: [{ at: 'node-a', says: 'captured' }], outcome: 'denied', by: 'bank/only-cart' };
    await open(`#view=graph&selected=${encodeURIComponent(denied)}`);
    const panel = page.getByRole('complementary', { name: 'batch/mailer to bank/ledger' });
    await panel.getByText('12 in this window: bank/only-cart').waitFor(patience);
    await panel.getByText('spiffe://cluster.local/ns/batch/sa/mailer').waitFor(patience);
    await panel.getByText('access connection complete').waitFor(patience);
    expect(backend.asked).toContain('/api/log?from=workload%3Abatch%2Fmailer&to=workload%3Abank%2Fledger&limit=50');
    await panel.getByLabel('To').fill('ledger.bank:80');
    await panel.getByRole('button', { name: 'Explain this connection' }).click();
    await says(page, '#explanation', 'denied: bank/only-cart');
    expect(backend.asked).toContain('/api/explain?from=batch%2Fmailer&to=ledger.bank%3A80');
    await page.goBack();
    await page.goForward();
    await panel.waitFor(patience);
  });

  test('by keyboard alone: from the picture to the details of a node, to an edge of it, and back', async () => {
    await open('#view=graph');
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowDown');
    await says(page, '#news', 'edge');
    await page.keyboard.press('Enter');
    await page.locator('#panel-title:focus').waitFor(patience);
    for (let at = 0; at < 3; at++) await page.keyboard.press('Tab');
    for (let at = 0; at < 8 && (await page.locator('#panel-edge-list a:focus').count()) === 0; at++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await says(page, '#panel-kind', 'Connection');
    await page.keyboard.press('Escape');
    await page.locator('#panel').waitFor({ state: 'hidden', ...patience });
    await page.locator('#canvas:focus').waitFor(patience);
  });

  test('by keyboard alone: the first stop leads to the table, whose rows open and close', async () => {
    await open('#view=graph');
    await page.keyboard.press('Tab');
    await page.locator('#skip:focus').waitFor(patience);
    await page.keyboard.press('Enter');
    await page.locator('#table:focus').waitFor(patience);
    for (let at = 0; at < 30 && (await page.locator('tbody a:focus').count()) === 0; at++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#panel-title:focus').waitFor(patience);
    await page.keyboard.press('Escape');
    await page.locator('tbody a:focus').waitFor(patience);
  });

  test('when the backend refuses or is gone a banner says why, the last picture stays, and it goes on by itself', async () => {
    await open('#view=table');
    backend.refusal = { status: 502, error: 'Prometheus does not answer.' };
    await says(page, '#gone', 'Prometheus does not answer. What you see is from');
    expect(await rows(page).count()).toBe(10);
    backend.refusal = undefined;
    await page.locator('#gone').waitFor({ state: 'hidden', ...patience });
    // The browser itself notes every answer that is an error.
    viewer.faults.splice(0);
  });

  test('whoever is not signed in is asked for a token', async () => {
    backend.refusal = { status: 401, error: 'who you are is not known here.' };
    viewer = await chromium.open(backend.url, desk);
    page = viewer.page;
    await page.getByLabel('Token').fill('secret');
    await screenshot(page, 'sign-in');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await ready(page);
    await page.locator('#sign-in').waitFor({ state: 'hidden', ...patience });
    viewer.faults.splice(0);
  });

  test('a phone starts with the table, and nothing hangs over its edge', async () => {
    await open('', phone);
    expect(await rows(page).count()).toBe(10);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(phone.width);
  });

  test('the theme is the system’s until the viewer says otherwise, and that is remembered', async () => {
    await open('', { ...desk, theme: 'dark' });
    expect(await backgroundOf(page)).toBe('rgb(15, 18, 23)');
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    expect(await backgroundOf(page)).toBe('rgb(246, 247, 249)');
    await page.reload();
    await ready(page);
    expect(await backgroundOf(page)).toBe('rgb(246, 247, 249)');
  });

  for (const screen of screens) {
    const name = `${screen.theme}-${screen.width}`;
    test(`axe finds nothing serious: ${name}`, async () => {
      for (const shape of ['graph', 'table']) {
        await open(`#view=${shape}`, screen);
        await screenshot(page, `${name}-${shape}`);
        expect(await seriousFaults(page)).toEqual([]);
        await page.goto(`${backend.url}#view=${shape}&selected=${encodeURIComponent(denied)}`);
        await page.locator('#panel').waitFor(patience);
        await screenshot(page, `${name}-${shape}-details`);
        expect(await seriousFaults(page)).toEqual([]);
        if (shape === 'graph') await viewer[Symbol.asyncDispose]();
      }
    });
  }

  test('500 nodes and 3,000 edges stay fluid under the pointer', async () => {
    backend.graph = mesh(500, 3_000);
    viewer = await chromium.open(`${backend.url}#view=graph`, desk);
    page = viewer.page;
    await page.locator('#summary', { hasText: /3.000 edges/ }).waitFor({ timeout: 40_000 });
    await screenshot(page, 'large');
    const box = await page.locator('#canvas').boundingBox();
    if (box === null) return expect.fail('there is no picture');
    const [x, y] = [box.x + box.width - 60, box.y + box.height - 60];
    await page.mouse.move(x + 20, y + 20);
    await page.mouse.down();
    await page.mouse.move(x, y);
    const gaps = await framesDuring(page, async () => {
      for (let step = 0; step < 40; step++) await page.mouse.move(x - step * 8, y - step * 4);
    });
    await page.mouse.up();
    const median = gaps[Math.floor(gaps.length / 2)] ?? Number.POSITIVE_INFINITY;
    console.log(`500 nodes, 3,000 edges: ${(1_000 / median).toFixed(0)} frames per second while dragging (median of ${gaps.length})`);
    expect(1_000 / median).toBeGreaterThan(30);
  }, 90_000);
});
