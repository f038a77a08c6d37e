// The plugin's questions to the agent of its node, over `pluginevent.sock`. Used by run.ts; answered by server.ts.
import { join } from 'node:path';
import { eventSocket, readVerdict } from './event.ts';
import { post } from './unix-http.ts';

export type Answer<V> =
  | { readonly kind: 'verdict'; readonly verdict: V }
  /** There is no agent: not started yet, or being replaced. */
  | { readonly kind: 'absent'; readonly why: string }
  /** It could not do it, or did not answer in time. */
  | { readonly kind: 'failed'; readonly why: string };

/** `all`: the verdicts that the question can have. */
export async function askAgent<V extends string>(
  runDir: string,
  { path, body, all }: { readonly path: '/cmdadd' | '/check'; readonly body: string; readonly all: readonly V[] },
  signal: AbortSignal,
): Promise<Answer<V>> {
  const reply = await post(join(runDir, eventSocket), path, body, signal);
  if (reply.kind === 'absent') return reply;
  if (reply.kind === 'broken') return { kind: 'failed', why: reply.why };
  const verdict = reply.status === 200 ? readVerdict(reply.text, all) : undefined;
  return verdict === undefined
    ? { kind: 'failed', why: `the node agent answered ${reply.status}: ${reply.text.trim() || 'nothing'}` }
    : { kind: 'verdict', verdict };
}
