// What a test asks of the inside of a page: colours, dots of the picture, frames, and what axe finds wrong. Scripts are text: they run in the browser,
// through the debugger, since the policy of the page forbids scripts from elsewhere.
import { join } from 'node:path';
import axe from 'axe-core';
import type { Locator, Page } from 'playwright-core';

/** As the browser writes it: `rgb(196, 43, 43)`. */
export const colourOf = (element: Locator): Promise<string> =>
  element.evaluate((found) => found.ownerDocument.defaultView.getComputedStyle(found).color);

const backgroundScript = 'getComputedStyle(document.documentElement).backgroundColor';
export const backgroundOf = (page: Page): Promise<string> => page.evaluate(backgroundScript);

const dotsScript = `(token) => {
  const probe = document.createElement('span');
  probe.style.color = 'var(--' + token + ')';
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  let found = 0;
  for (const canvas of document.querySelectorAll('#canvas canvas')) {
    if (canvas.width === 0) continue;
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
    for (let at = 0; at < pixels.length; at += 4) {
      const far = wanted.reduce((sum, value, channel) => sum + Math.abs(value - pixels[at + channel]), 0);
      if (far < 30 && pixels[at + 3] > 200) found += 1;
    }
  }
  return found;
}`;

/** How many dots of the picture are of a colour of style.css, or next to it. */
export const dots = (page: Page, token: string): Promise<number> => page.evaluate(`(${dotsScript})(${JSON.stringify(token)})`);

/** The layer of chips as an image: it tells where all edges are. */
export const chips = (page: Page): Promise<string> => page.evaluate("document.querySelector('#canvas .chips').toDataURL()");

/** A sentence for each thing that axe finds serious or critical. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Milliseconds between the frames that the page paints while something is done to it, shortest first. */
export async function framesDuring(page: Page, act: () => Promise<void>): Promise<number[]> {
  await page.evaluate(`(() => {
    globalThis.frames_ = [];
    const tick = (at) => { globalThis.frames_.push(at); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
  })()`);
  await act();
  const times = await page.evaluate<number[]>('globalThis.frames_');
  return times
    .slice(1)
    .map((at, index) => at - (times[index] ?? at))
    .sort((a, b) => a - b);
}

/** Into the folder that PAGE_SCREENSHOTS names; nowhere without it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.PAGE_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}
