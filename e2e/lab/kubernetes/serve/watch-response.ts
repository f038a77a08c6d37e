// A watch as an HTTP response without end: one JSON line per event, bookmarks every minute, over after timeoutSeconds.
// Which events those are is read/watch.ts's affair.
import type { ServerResponse } from 'node:http';
import { ms } from '@ambient-mesh/runtime/time';
import type { Target } from '../cluster.ts';
import { readRevision, wholeNumber } from '../read/list.ts';
import { selectionOf } from '../read/selection.ts';
import { Watch, type WatchPort } from '../read/watch.ts';
import { expired, invalid, type StatusError } from '../status-error.ts';
import type { ApiRequest } from './context.ts';
import type { OpenWatch } from './faults.ts';
import { bookmarkText, eventText, type Representation } from './represent.ts';

const bookmarkEvery = ms(60_000);
/** When the client names no time; the real one picks something between half an hour and an hour. */
const defaultSeconds = 1_800;

/** Takes over the response. @throws StatusError before the first byte for what cannot be watched. */
export function serveWatch({ server, query, response }: ApiRequest, target: Target, as: Representation): void {
  const revision = readRevision(query);
  const wantsBookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
  const markInitialEnd = query.get('sendInitialEvents') === 'true';
  if (query.has('sendInitialEvents') && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    const message = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    const cause = { reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message };
    throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [cause]);
  }
  const seconds = wholeNumber(query.get('timeoutSeconds'), 'timeoutSeconds') || defaultSeconds;
  const port = new ResponsePort(response, as, () => server.faults.isStalled);
  const start = {
    resource: target.resource.stored,
    selection: selectionOf(target, query),
    // With initial events the named revision is only the least that will do.
    revision: markInitialEnd ? undefined : revision,
    markInitialEnd: markInitialEnd && wantsBookmarks,
  };
  const watch = new Watch(server.store, start, port);
  const isTooOld = start.revision !== undefined && start.revision !== 0 && start.revision < server.startedAt;
  const open: OpenWatch = { cut: (midEvent) => port.cut(midEvent), bookmark: () => wantsBookmarks && watch.bookmark() };
  let bookmarkTimer: Disposable | undefined;
  const armBookmark = (): void => {
    bookmarkTimer = server.clock.after(bookmarkEvery, () => {
      open.bookmark();
      armBookmark();
    });
  };
  const end = server.clock.after(ms(seconds * 1_000), () => {
    open.bookmark();
    if (!server.faults.isStalled) response.end();
  });
  response.on('drain', () => watch.resume());
  response.on('close', () => {
    server.faults.watches.delete(open);
    watch[Symbol.dispose]();
    bookmarkTimer?.[Symbol.dispose]();
    end[Symbol.dispose]();
  });
  server.faults.watches.add(open);
  armBookmark();
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  if (isTooOld) port.fail(expired(`too old resource version: ${revision} (${server.startedAt})`));
  else watch.begin();
}

class ResponsePort implements WatchPort {
  readonly #response: ServerResponse;
  readonly #as: Representation;
  readonly #isStalled: () => boolean;
  #isFirst = true;

  constructor(response: ServerResponse, as: Representation, isStalled: () => boolean) {
    this.#response = response;
    this.#as = as;
    this.#isStalled = isStalled;
  }

  write(...[type, object]: Parameters<WatchPort['write']>): boolean {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return this.#send(eventText(type, object, this.#as, isFirst));
  }

  bookmark(revision: number, endOfInitialEvents: boolean): void {
    this.#send(bookmarkText(revision, endOfInitialEvents, this.#as));
  }

  fail(error: StatusError): void {
    this.#send(`${JSON.stringify({ type: 'ERROR', object: error.toJson() })}\n`);
    this.#response.end();
  }

  cut(midEvent: boolean): void {
    if (midEvent) this.#response.write('{"type":"MODIFIED","object":{"kind":');
    // The half line must be on its way before the connection goes.
    setImmediate(() => this.#response.destroy());
  }

  #send(text: string): boolean {
    if (this.#isStalled() || this.#response.writableEnded || this.#response.destroyed) return true;
    return this.#response.write(text);
  }
}
