// A watch as an HTTP response without end: one JSON line per event, bookmarks every minute, over after timeoutSeconds.
// Which events those are is read/watch.ts's affair.
import type { ServerResponse } from 'node:http';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Cluster, Target } from '../cluster.ts';
import { crdResource } from '../kinds/registry.ts';
import { readRevision, wholeNumber } from '../read/list.ts';
import { selectionOf } from '../read/selection.ts';
import { Watch, type WatchPort, type WatchStart } from '../read/watch.ts';
import { expired, invalid, type StatusError } from '../status-error.ts';
import type { ApiRequest } from './context.ts';
import type { OpenWatch } from './faults.ts';
import { bookmarkText, eventText, type Representation } from './represent.ts';

const bookmarkEvery = ms(60_000);
/** When the client names no time; the real one picks something between half an hour and an hour. */
const defaultSeconds = 1_800;

/** Takes over the response. @throws StatusError before the first byte for what cannot be watched. */
export function serveWatch({ server, query, response }: ApiRequest, target: Target, as: Representation): void {
  const { store, clock, faults, startedAt } = server;
  const start = watchStart(target, query);
  const wantsBookmarks = isTrue(query, 'allowWatchBookmarks');
  const seconds = wholeNumber(query.get('timeoutSeconds'), 'timeoutSeconds') || defaultSeconds;
  const port = new ResponsePort(response, as, () => faults.isStalled);
  const held = new DisposableStack();
  const watch = held.use(new Watch(store, start, port));
  const open: OpenWatch = { cut: (midEvent) => port.cut(midEvent), bookmark: () => wantsBookmarks && watch.bookmark() };
  faults.watches.add(open);
  held.defer(() => faults.watches.delete(open));
  held.use(every(clock, bookmarkEvery, () => open.bookmark()));
  const end = clock.after(ms(seconds * 1_000), () => {
    open.bookmark();
    if (!faults.isStalled) response.end();
  });
  held.use(end);
  held.use(onUndefined(server, target, () => response.end()));
  response.on('drain', () => watch.resume());
  response.on('close', () => held.dispose());
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const { revision = 0 } = start;
  if (revision !== 0 && revision < startedAt) port.fail(expired(`too old resource version: ${revision} (${startedAt})`));
  else watch.begin();
}

function watchStart(target: Target, query: URLSearchParams): WatchStart {
  const sendsInitial = isTrue(query, 'sendInitialEvents');
  if (query.has('sendInitialEvents') && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    const message = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    const cause = { reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message };
    throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [cause]);
  }
  const revision = readRevision(query);
  return {
    resource: target.resource.stored,
    selection: selectionOf(target, query),
    // With initial events the named revision is only the least that will do.
    revision: sendsInitial ? undefined : revision,
    markInitialEnd: sendsInitial && isTrue(query, 'allowWatchBookmarks'),
  };
}

const isTrue = (query: URLSearchParams, name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';

function every(clock: Clock, time: Ms, act: () => void): Disposable {
  let timer: Disposable;
  const arm = (): void => {
    timer = clock.after(time, () => {
      act();
      arm();
    });
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Without its definition a kind is not served any longer. */
const onUndefined = ({ store }: Cluster, target: Target, act: () => void): Disposable =>
  store.onEvent(({ resource, type, after }) => {
    if (resource === crdResource && type === 'DELETED' && after.key === target.resource.stored) act();
  });

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
