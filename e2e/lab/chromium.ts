// Debian's Chromium as a viewer's browser, driven by playwright-core: pages of a size and a theme, and what they may not do, noted.
// Used by the scenarios of the page of the graph. It is not installed everywhere: ask hasChromium first.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

export const hasChromium = (): boolean => existsSync(executablePath);

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
}

export class Chromium implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<Chromium> {
    // The lab runs as root, where Chromium's own sandbox refuses to start.
    return new Chromium(await chromium.launch({ executablePath, args: ['--no-sandbox'] }));
  }

  /** A browser without a past: no cookies, no storage. */
  async open(url: string, screen: Screen): Promise<Viewer> {
    const { width, height, theme } = screen;
    const context = await this.#browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const viewer = new Viewer(context, page, new URL(url).origin);
    await page.goto(url);
    return viewer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** One viewer's window, and what its page did wrong. */
export class Viewer implements AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and requests to another origin: should stay empty. */
  readonly faults: string[] = [];
  readonly #context: BrowserContext;

  constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.faults.push(`exception: ${error.stack ?? error.message}`));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.faults.push(`request to ${request.url()}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
