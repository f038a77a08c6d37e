// A stand-in for the dashboard's server: the built page, and an API that answers whatever graph a test sets. Loopback, port 0.
// The policy of the page is the real server's: what it forbids fails here too.
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExplainAnswer, Graph, LogAnswer, Session } from '@ambient-mesh/dashboard/graph';
import { type PageFile, pageFiles } from '@ambient-mesh/dashboard/page-files';

const buildScript = join(import.meta.dirname, '../../scripts/build-page.ts');

/** The page where the dashboard's servers look for it; costs nothing unless it was changed. */
export async function buildPage(): Promise<void> {
  await promisify(execFile)(process.execPath, [buildScript]);
}

export class PageBackend implements AsyncDisposable {
  /** What the next poll gets. */
  graph: Graph;
  /** Status and sentence instead of every answer of the API. */
  refusal: { readonly status: number; readonly error: string } | undefined;
  log: LogAnswer = { lines: [] };
  explanation: ExplainAnswer = { steps: [], outcome: '', by: '' };
  /** Paths and queries that the API was asked for. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #files: ReadonlyMap<string, PageFile>;

  private constructor(graph: Graph, files: ReadonlyMap<string, PageFile>) {
    this.graph = graph;
    this.#files = files;
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://page');
      if (url.pathname.startsWith('/api/')) {
        this.asked.push(`${url.pathname}${url.search}`);
        // Somebody signs in: any token will do.
        if (request.method === 'POST' && request.headers.authorization !== undefined) this.refusal = undefined;
        response.writeHead(this.refusal?.status ?? 200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify(this.refusal ?? this.#answer(url)));
        return;
      }
      const file = this.#files.get(url.pathname);
      response.writeHead(file === undefined ? 404 : 200, {
        'content-type': file?.type ?? 'text/plain',
        'content-security-policy': "default-src 'self'",
      });
      response.end(file?.body);
    });
  }

  static async start(graph: Graph): Promise<PageBackend> {
    await buildPage();
    const backend = new PageBackend(graph, pageFiles());
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the backend does not listen');
    return `http://127.0.0.1:${address.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ pathname, searchParams }: URL): Graph | Session | LogAnswer | ExplainAnswer {
    if (pathname === '/api/graph') return { ...this.graph, at: Date.now(), windowSeconds: Number(searchParams.get('window')) };
    if (pathname === '/api/log') return this.log;
    if (pathname === '/api/explain') return this.explanation;
    return { viewer: 'alice', source: this.graph.source, version: '0.1.0', features: { logs: true, explain: true } };
  }
}
