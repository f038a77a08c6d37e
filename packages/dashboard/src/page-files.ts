// The files of the page, as Vite built them, by the path that they are asked for. Read once, when the server starts.
// Used by serve.ts. Where the page was not built there is one that says so.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
  /** Its name holds a hash of it: it never changes. */
  readonly isHashed: boolean;
}

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Not built</title>
<p>The page of the graph was not built: run <code>node scripts/build-page.ts</code>, then start this again. The API answers below <code>/api/</code>.
`;

/** By path: `/`, `/assets/main-1a2b.js`. */
export function pageFiles(folder = dist): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const path of pathsIn(folder)) {
    const type = types[extname(path)];
    if (type === undefined) continue;
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(url === '/index.html' ? '/' : url, { type, body: readFileSync(path), isHashed: url.startsWith('/assets/') });
  }
  if (!files.has('/')) files.set('/', { type: 'text/html; charset=utf-8', body: Buffer.from(notBuilt), isHashed: false });
  return files;
}

function pathsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name));
  } catch {
    return [];
  }
}
