// The page's only link to the outside: the API of the origin that served it.
// Every failure becomes a sentence that can stand in the banner.
import type { ExplainAnswer, Graph, LogAnswer, Refusal, Session } from '../../src/graph.ts';

const pollMs = 2_000;
const timeoutMs = 10_000;

export const getSession = (signal: AbortSignal): Promise<Session> => get<Session>('/api/session', {}, signal);

/** The last access-log lines about an edge, or about one node when `to` is missing. */
export const getLog = (asked: { readonly from: string; readonly to?: string }, signal: AbortSignal): Promise<LogAnswer> =>
  get<LogAnswer>('/api/log', { ...asked, limit: '50' }, signal);

export const getExplanation = (asked: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ExplainAnswer> =>
  get<ExplainAnswer>('/api/explain', asked, signal);

/** The server does not know who asks. */
export class SignedOut extends Error {}

/** Exchanges a token for a cookie that scripts cannot read. */
export async function signIn(token: string, signal: AbortSignal): Promise<void> {
  await call<object>('/api/session', { method: 'POST', signal, headers: { authorization: `Bearer ${token}` } });
}

interface Follower {
  readonly windowSeconds: number;
  readonly onGraph: (graph: Graph) => void;
  /** Why there is no newer graph. */
  readonly onGone: (why: unknown) => void;
}

/** Asks for the graph every two seconds while somebody can see it. Returns when the signal aborts. */
export async function follow({ windowSeconds, onGraph, onGone }: Follower, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await seen(signal);
    try {
      const graph = await get<Graph>('/api/graph', { window: String(windowSeconds) }, signal);
      if (!signal.aborted) onGraph(graph);
    } catch (why) {
      if (!signal.aborted) onGone(why);
    }
    await pause(pollMs, signal);
  }
}

export const sentence = (why: unknown): string => (why instanceof Error ? why.message : String(why));

function get<T>(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<T> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return call<T>(`${path}?${new URLSearchParams(query)}`, { signal: either, headers: { accept: 'application/json' } });
}

/** `T` is what the server of this page's own version answers: it is not checked field by field. */
async function call<T>(url: string, request: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, request);
  } catch (cause) {
    throw new Error('The dashboard does not answer. Is it still running?', { cause });
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.status === 401) throw new SignedOut(refusal(answer));
  if (!response.ok) throw new Error(refusal(answer) || `The dashboard answered with status ${response.status}.`);
  if (typeof answer !== 'object' || answer === null) throw new Error('The dashboard answered with something that is not JSON.');
  return answer as T;
}

function refusal(answer: unknown): string {
  const { error }: Partial<Refusal> = typeof answer === 'object' && answer !== null ? answer : {};
  return typeof error === 'string' ? error : '';
}

/** At once while the tab is visible, else as soon as it is. */
function seen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { signal, once: true });
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, forMs);
    signal.addEventListener('abort', done);
  });
}
