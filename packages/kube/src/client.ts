// The verbs of the Kubernetes API for long-lived processes: each call bounded in time and size, each failure a MeshError of KubeFault.
// Used by list-watch.ts, lease.ts, review.ts, events.ts, status.ts and by programs. Retries nothing except refused credentials, once.
import type { Duplex } from 'node:stream';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { readJson, readRefusal } from './answer.ts';
import type { Access } from './credentials.ts';
import { Deadline } from './deadline.ts';
import { asKubeError, badAnswer, statusOf, timedOut } from './errors.ts';
import { apiVersionOf, type Key, type Kind, keyText, narrowed, pathOf, pathOfAll } from './kind.ts';
import { type Listing, listAll, pageSize, type Selection } from './listing.ts';
import { openForward } from './port-forward.ts';
import { objectOf } from './raw.ts';
import { type Sent, Transport } from './transport.ts';

export interface Timeouts {
  /** TCP and TLS. Default 10 s. */
  readonly connect: Ms;
  /** A call from beginning to end, one page of a list included; and the head of a watch's answer. Default 30 s. */
  readonly call: Ms;
}

export interface KubeClientOptions {
  readonly clock: Clock;
  readonly timeouts?: Partial<Timeouts>;
  /** Shown in the API server's audit log. Default `ambient-mesh`. */
  readonly userAgent?: string;
}

/** Each call's last parameter. */
export interface CallOptions {
  /** Gives up: the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Default: `Timeouts.call`. */
  readonly timeout?: Ms | undefined;
}

export interface ApiRequest {
  /** For error texts: `create`. */
  readonly verb: string;
  /** For error texts: `Lease istio-system/leader`. */
  readonly about: string;
  readonly method: Sent['method'];
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
}

export interface Patch {
  readonly type: 'merge' | 'json' | 'apply';
  readonly body: unknown;
  /** Field manager; `apply` needs one. */
  readonly manager?: string | undefined;
  /** `apply` only: takes fields away from other managers. Default false. */
  readonly force?: boolean | undefined;
  readonly subresource?: string | undefined;
}

export interface ApplyOptions extends CallOptions {
  readonly manager: string;
  /** Takes fields away from other managers instead of failing with `kube.conflict`. Default true, as for every controller. */
  readonly force?: boolean;
  readonly subresource?: 'status';
}

export interface RemoveOptions extends CallOptions {
  /** Of what it owns. Default: the server's, which is `Background` for most kinds. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Fails with `kube.conflict` if the object has another one by now. */
  readonly uid?: string;
}

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const satisfies Record<Patch['type'], string>;

const never = new AbortController().signal;

export class KubeClient implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #callTimeout: Ms;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(access: Access, { clock, timeouts = {}, userAgent = 'ambient-mesh' }: KubeClientOptions) {
    this.#clock = clock;
    this.#callTimeout = timeouts.call ?? ms(30_000);
    this.#headers = { accept: 'application/json', 'user-agent': userAgent };
    this.#transport = new Transport(access, clock, timeouts.connect ?? ms(10_000));
  }

  /** Breaks every call and every watch that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }

  /** Undefined if there is no such object. An object that cannot be narrowed is a `kube.bad-answer`. */
  async get<T>(kind: Kind<T>, key: Key, options: CallOptions = {}): Promise<T | undefined> {
    const request = about('get', kind, key);
    const raw = await this.#unless404(async () => this.request({ ...request, method: 'GET', path: pathOf(kind, key) }, options));
    if (raw === undefined) return undefined;
    const item = narrowed(kind, raw);
    if (item === undefined) throw badAnswer(textOfRequest(request), 'the object is not what it should be');
    return item;
  }

  /** Everything that is selected; objects that cannot be narrowed are left out. */
  async list<T>(
    kind: Kind<T>,
    selection: Selection & { readonly limit?: number } = {},
    options: CallOptions = {},
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
    const { objects, resourceVersion } = await this.listing(kind, selection, options);
    return { items: objects.map(({ item }) => item), resourceVersion };
  }

  /** `list`, with what caches need to know. `limit`: objects per page, default 500; the time limit holds for each page. */
  async listing<T>(
    kind: Kind<T>,
    { namespace = '', labelSelector, fieldSelector, limit = pageSize }: Selection & { readonly limit?: number },
    options: CallOptions = {},
  ): Promise<Listing<T>> {
    const request = about('list', kind, { namespace, name: '' });
    const path = pathOfAll(kind, namespace);
    return listAll(kind, textOfRequest(request), limit, (page) =>
      this.request({ ...request, method: 'GET', path, query: { labelSelector, fieldSelector, ...page } }, options),
    );
  }

  /** The object as it is now. `kube.conflict` if it exists already. */
  async create(kind: Kind<unknown>, key: Key, body: object, options: CallOptions & { readonly manager?: string } = {}): Promise<unknown> {
    const query = { fieldManager: options.manager };
    return this.request(
      { ...about('create', kind, key), method: 'POST', path: pathOfAll(kind, key.namespace), query, body: typed(kind, key, body) },
      options,
    );
  }

  /** PUT of the whole object; with a resourceVersion in `body`, `kube.conflict` if it has changed since. */
  async replace(
    kind: Kind<unknown>,
    key: Key,
    body: object,
    options: CallOptions & { readonly manager?: string; readonly subresource?: string } = {},
  ): Promise<unknown> {
    const query = { fieldManager: options.manager };
    return this.request(
      { ...about('replace', kind, key), method: 'PUT', path: pathOf(kind, key, options.subresource), query, body: typed(kind, key, body) },
      options,
    );
  }

  async patch(kind: Kind<unknown>, key: Key, patch: Patch, options: CallOptions = {}): Promise<unknown> {
    const { type, body, manager, force, subresource } = patch;
    const verb = type === 'apply' ? 'apply' : 'patch';
    return this.request(
      {
        ...about(subresource === undefined ? verb : `${verb} ${subresource} of`, kind, key),
        method: 'PATCH',
        path: pathOf(kind, key, subresource),
        query: { fieldManager: manager, force: type === 'apply' && force ? 'true' : undefined },
        body,
        contentType: patchTypes[type],
      },
      options,
    );
  }

  /** Server-side apply: `object` holds all fields that `manager` wants to own; what it owned before and leaves out now goes. */
  async apply(
    kind: Kind<unknown>,
    key: Key,
    object: object,
    { manager, force = true, subresource, ...options }: ApplyOptions,
  ): Promise<unknown> {
    return this.patch(kind, key, { type: 'apply', body: typed(kind, key, object), manager, force, subresource }, options);
  }

  /** False if there was no such object. */
  async remove(kind: Kind<unknown>, key: Key, { propagation, uid, ...options }: RemoveOptions = {}): Promise<boolean> {
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: propagation, preconditions: uid && { uid } };
    const request = { ...about('delete', kind, key), method: 'DELETE', body } as const;
    return (await this.#unless404(async () => this.request({ ...request, path: pathOf(kind, key) }, options))) !== undefined;
  }

  /** Any call whose answer is JSON. */
  async request(request: ApiRequest, { signal = never, timeout = this.#callTimeout }: CallOptions = {}): Promise<unknown> {
    const what = textOfRequest(request);
    using deadline = new Deadline(this.#clock, timeout, (after) => timedOut(what, after));
    const limited = AbortSignal.any([signal, deadline.signal]);
    try {
      return await readJson(await this.#transport.send(this.#sent(request), 'calls', limited), what);
    } catch (e) {
      signal.throwIfAborted();
      throw asKubeError(what, limited.aborted ? limited.reason : e);
    }
  }

  /** The bytes of a watch as they come; ends with the answer. The signal breaks it; the caller notices silence. */
  async watch(
    kind: Kind<unknown>,
    { namespace = '', ...query }: Selection & WatchQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const all = { watch: 'true', allowWatchBookmarks: 'true', ...query };
    return this.#bytes(
      { ...about('watch', kind, { namespace, name: '' }), method: 'GET', path: pathOfAll(kind, namespace), query: all },
      signal,
    );
  }

  /** What a pod's container writes, as it comes; with `follow`, for as long as it runs. The signal breaks it. */
  async podLog(pod: Key, { follow = false, ...query }: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const all = { ...query, follow: follow ? 'true' : undefined };
    const request = { verb: 'read', about: `the log of Pod ${keyText(pod)}`, method: 'GET', path: pathOf(podKind, pod, 'log') } as const;
    return this.#bytes({ ...request, query: all }, signal);
  }

  /** Only the answer's head is bounded in time. */
  async #bytes(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const what = textOfRequest(request);
    using deadline = new Deadline(this.#clock, this.#callTimeout, (after) => timedOut(what, after));
    const limited = AbortSignal.any([signal, deadline.signal]);
    try {
      const answer = await this.#transport.send(this.#sent(request), 'watches', limited);
      if (answer.statusCode !== 200) throw await readRefusal(answer, what);
      return answer.body;
    } catch (e) {
      signal.throwIfAborted();
      throw asKubeError(what, limited.aborted ? limited.reason : e);
    }
  }

  /**
   * A connection to a port of a pod's loopback. It is the caller's to end. A server that refuses is asked once more, as plain HTTP, since only
   * then it says why.
   */
  async portForward(pod: Key, port: number, { signal = never, timeout = this.#callTimeout }: CallOptions = {}): Promise<Duplex> {
    const request: ApiRequest = {
      verb: 'port-forward to',
      about: `port ${port} of Pod ${keyText(pod)}`,
      method: 'GET',
      path: pathOf(podKind, pod, 'portforward'),
      query: { ports: `${port}` },
    };
    const what = textOfRequest(request);
    using deadline = new Deadline(this.#clock, timeout, (after) => timedOut(what, after));
    const limited = AbortSignal.any([signal, deadline.signal]);
    try {
      return await openForward(await this.#transport.streaming(this.#sent(request).path, limited), limited);
    } catch (e) {
      signal.throwIfAborted();
      if (limited.aborted) throw asKubeError(what, limited.reason);
      await this.request(request, { signal, timeout }).catch((why: unknown) => {
        // 400: it wanted to be asked for a stream.
        if (statusOf(why) !== 400) throw why;
      });
      throw asKubeError(what, e);
    }
  }

  async #unless404(call: () => Promise<unknown>): Promise<unknown> {
    try {
      return await call();
    } catch (e) {
      if (statusOf(e) === 404) return undefined;
      throw e;
    }
  }

  #sent({ method, path, query = {}, body, contentType = 'application/json' }: ApiRequest): Sent {
    const given = Object.entries(query).filter((each): each is [string, string] => each[1] !== undefined);
    return {
      method,
      path: given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`,
      headers: body === undefined ? this.#headers : { ...this.#headers, 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
    };
  }
}

/** Only for its path. */
const podKind: Kind<never> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true, narrow: () => undefined };

/** A type rather than an interface: its fields are passed on as a query. */
export type WatchQuery = {
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: string;
};

/** As the API calls them. */
export type LogQuery = {
  readonly follow?: boolean;
  /** Lines from before; default: all that there are. */
  readonly tailLines?: string;
  readonly sinceSeconds?: string;
  /** Default: the pod's only one. */
  readonly container?: string | undefined;
};

function about(verb: string, kind: Kind<unknown>, key: Key): Pick<ApiRequest, 'verb' | 'about'> {
  if (key.name !== '') return { verb, about: `${kind.kind} ${keyText(key)}` };
  return { verb, about: key.namespace === '' ? kind.plural : `${kind.plural} of ${key.namespace}` };
}

const textOfRequest = (request: Pick<ApiRequest, 'verb' | 'about'>): string => `${request.verb} ${request.about}`;

/** The object with its type and name, so that callers need not repeat them. */
function typed(kind: Kind<unknown>, { namespace, name }: Key, body: object): object {
  const metadata = { ...objectOf(objectOf(body).metadata), name, ...(namespace !== '' && { namespace }) };
  return { ...body, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
}
