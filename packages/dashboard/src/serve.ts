// The graph over HTTP: its page, and the API that the page asks. Signed-in viewers only, and whoever lured a browser here gets nothing.
// Opened by istiod-lite and by `ambientctl dashboard`, which say who is let in; what is answered is answers.ts.
import { describeError } from '@ambient-mesh/runtime/errors';
import { type HttpServer, type ListenAddress, type Reply, type Request, type Route, serveHttp } from '@ambient-mesh/runtime/http';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { Admit, Viewer } from './access.ts';
import { type Answer, type AnswerPorts, explanationFor, graphFor, logFor, sessionOf } from './answers.ts';
import { type PageFile, pageFiles } from './page-files.ts';
import { cookieIn, cookieName, isSecret, Sessions } from './sessions.ts';

export interface GraphServerOptions {
  readonly listen: ListenAddress;
  readonly answers: AnswerPorts;
  readonly admit: Admit;
  /** A token that `GET /?token=…` takes once, and the credential that it stands for. */
  readonly invitation?: { readonly token: string; readonly credential: string };
  readonly clock: Clock;
  /** Default: what was built beside this package. */
  readonly pageFolder?: string;
}

export interface GraphServer extends AsyncDisposable {
  readonly address: { readonly ip: string; readonly port: number };
}

const csp = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
const always = { 'content-security-policy': csp, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const fresh = { ...always, 'cache-control': 'no-store' };

/** @throws MeshError `http.port-taken` and the like */
export async function serveGraph(options: GraphServerOptions): Promise<GraphServer> {
  const files = pageFiles(options.pageFolder);
  const doors = new Doors(options);
  const api = (path: string, answer: (viewer: Viewer, query: URLSearchParams) => Promise<Answer<unknown>>): Route => ({
    path,
    methods: ['GET'],
    compress: true,
    handler: (request) => doors.guarded(request, answer),
  });
  const { answers } = options;
  const session = api('/api/session', async (viewer) => sessionOf(answers, viewer));
  const routes: readonly Route[] = [
    {
      ...session,
      methods: ['GET', 'POST'],
      handler: (request) => (request.method === 'POST' ? doors.signIn(request) : session.handler(request)),
    },
    api('/api/graph', (viewer, query) => graphFor(answers, viewer, query)),
    api('/api/log', (viewer, query) => logFor(answers, viewer, query)),
    api('/api/explain', (viewer, query) => explanationFor(answers, viewer, query)),
    ...Array.from(files, ([path, file]) => ({
      path,
      methods: ['GET', 'HEAD'],
      compress: true,
      handler: (request: Request) => doors.page(request, file),
    })),
  ];
  const server: HttpServer = await serveHttp({ listen: [options.listen], routes });
  const [address = options.listen] = server.addresses;
  doors.port = address.port;
  return { address: { ip: address.ip, port: address.port }, [Symbol.asyncDispose]: () => server.close() };
}

/** Who comes in, and with what headers anything goes out. */
class Doors {
  port = 0;
  readonly #options: GraphServerOptions;
  readonly #sessions: Sessions;
  #isInvited = true;

  constructor(options: GraphServerOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.clock);
  }

  async guarded(request: Request, answer: (viewer: Viewer, query: URLSearchParams) => Promise<Answer<unknown>>): Promise<Reply> {
    const stranger = this.#stranger(request);
    if (stranger !== undefined) return stranger;
    try {
      const viewer = await this.#viewer(request);
      if ('refused' in viewer) return refusal(401, viewer.refused);
      const answered = await answer(viewer, request.query);
      return 'ok' in answered ? json(200, answered.ok) : refusal(answered.status, answered.error);
    } catch (e) {
      return refusal(502, describeError(e));
    }
  }

  /** A bearer token becomes a cookie, so that the page need not keep it. */
  async signIn(request: Request): Promise<Reply> {
    const stranger = this.#stranger(request);
    if (stranger !== undefined) return stranger;
    const token = bearerOf(request);
    if (token === undefined) return refusal(401, 'send a token of the Kubernetes API as "Authorization: Bearer …"');
    try {
      const viewer = await this.#options.admit(token);
      if ('refused' in viewer) return refusal(401, viewer.refused);
    } catch (e) {
      return refusal(502, describeError(e));
    }
    return json(200, {}, { 'set-cookie': this.#cookie(token) });
  }

  page(request: Request, { type, body, isHashed }: PageFile): Reply {
    const stranger = this.#stranger(request);
    if (stranger !== undefined) return stranger;
    const token = request.path === '/' && request.method === 'GET' ? request.query.get('token') : null;
    if (token !== null) return this.#invited(token);
    return { type, body, headers: { ...always, 'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache' } };
  }

  /** Redirected away, so that the token stays in no address bar and no history. */
  #invited(token: string): Reply {
    const { invitation } = this.#options;
    if (invitation === undefined || !this.#isInvited || !isSecret(token, invitation.token))
      return refusal(401, 'this address was used already, or is of another run: start "ambientctl dashboard" again for a new one');
    this.#isInvited = false;
    return { status: 303, body: '', headers: { ...fresh, location: '/', 'set-cookie': this.#cookie(invitation.credential) } };
  }

  #cookie(credential: string): string {
    return `${cookieName(this.port)}=${this.#sessions.open(credential)}; Path=/; HttpOnly; SameSite=Strict`;
  }

  async #viewer(request: Request): Promise<Viewer | { readonly refused: string }> {
    const cookie = cookieIn(request.headers.cookie, cookieName(this.port));
    const credential = bearerOf(request) ?? (cookie && this.#sessions.credentialOf(cookie));
    return credential ? this.#options.admit(credential) : { refused: 'who you are is not known here.' };
  }

  /** A name that somebody else made to lead here (DNS rebinding) is not ours. Not on loopback, names are what the network makes of them. */
  #stranger({ headers }: Request): Reply | undefined {
    if (!isLoopback(this.#options.listen.ip)) return undefined;
    const name = (headers.host ?? '').replace(/:\d+$/, '');
    return name === 'localhost' || isLoopback(name) ? undefined : refusal(403, 'this is served to localhost only: open it by that name');
  }
}

const isLoopback = (host: string): boolean => host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);

function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

const refusal = (status: number, error: string): Reply => json(status, { error });

function json(status: number, value: unknown, more: Readonly<Record<string, string>> = {}): Reply {
  return { status, type: 'application/json', body: JSON.stringify(value), headers: { ...fresh, ...more } };
}
