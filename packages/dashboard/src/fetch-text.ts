// One GET whose answer is text: for proxies' metrics and for Prometheus. Bounded in size; the signal bounds it in time.
// Handed to the collector by programs that reach proxies by their addresses.
import { MeshError } from '@ambient-mesh/runtime/errors';

export type FetchFault = { readonly code: 'fetch.status'; readonly status: number } | { readonly code: 'fetch.too-long' };

/** Of one answer, decompressed. */
const mostBytes = 64 * 1024 * 1024;
const shownBytes = 300;

/** @throws MeshError FetchFault for an answer that is not 200 or too long; what `fetch` throws for one that does not come */
export async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { signal, redirect: 'error', headers: { accept: 'text/plain, application/json' } });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > mostBytes) throw new MeshError<FetchFault>({ code: 'fetch.too-long' }, `the answer is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (answer.status === 200) return text;
  const said = text.slice(0, shownBytes).trim();
  throw new MeshError<FetchFault>({ code: 'fetch.status', status: answer.status }, `the answer is ${answer.status}: ${said}`);
}
