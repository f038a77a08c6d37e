// What a request is given before anybody looks at it: an id, its scheme, and who its client is where that is asked for; what a client may not
// say of itself is taken away (facts: control-plane §6.7). First step of the chain. Pure but for the id.
import { randomUUID } from 'node:crypto';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import type { Draft } from './draft.ts';

const xfcc = 'x-forwarded-client-cert';

/** `ownUri`: our own identity, present when applications are to learn whose client speaks. */
export function identify(draft: Draft, ownUri: string | undefined): void {
  const { headers, scheme } = draft.head;
  let [id, proto, claimed] = [false, false, false];
  for (const [name] of headers) {
    if (name === 'x-request-id') id = true;
    else if (name === 'x-forwarded-proto') proto = true;
    else if (name === xfcc) claimed = true;
  }
  if (id && proto && !claimed && ownUri === undefined) return;
  const kept: HeaderList = claimed ? headers.filter(([name]) => name !== xfcc) : headers;
  const added: (readonly [string, string])[] = [];
  if (!proto) added.push(['x-forwarded-proto', scheme]);
  if (!id) added.push(['x-request-id', randomUUID()]);
  if (ownUri !== undefined) added.push([xfcc, `By=${ownUri};URI=${draft.inlet.client.uri}`]);
  draft.change({ headers: [...kept, ...added] });
}
