// One HTTP request over a unix socket, with the answer read whole. Used by the plugin to reach the agent (ask-agent.ts, log-lines.ts).
import { request } from 'node:http';

export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  /** Nobody listens there. */
  | { readonly kind: 'absent'; readonly why: string }
  /** Somebody may have heard it. */
  | { readonly kind: 'broken'; readonly why: string };

const longestAnswer = 64 * 1024;

/** Never rejects. After the signal aborts it is `broken`, with the signal's reason. */
export function post(socketPath: string, path: string, body: string, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ socketPath, path, method: 'POST', headers, agent: false, signal });
    const fail = (e: NodeJS.ErrnoException): void => {
      const why = signal.aborted && signal.reason instanceof Error ? signal.reason.message : e.message;
      resolve({ kind: e.code === 'ENOENT' || e.code === 'ECONNREFUSED' ? 'absent' : 'broken', why });
    };
    sent.on('error', fail);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (text.length > longestAnswer) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', fail);
      response.on('end', () => resolve({ kind: 'answer', status: response.statusCode ?? 0, text }));
    });
    sent.end(body);
  });
}
