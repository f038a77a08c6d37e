// Whether a pod still has exactly the rules that apply-rules.ts gave it. What the rules look like once they are in the kernel is asked of
// the kernel itself: the same rules in an empty namespace. Used by the node agent when somebody has touched rules, and at its start.
import { isDeepStrictEqual } from 'node:util';
import { applyRules, effective } from './apply-rules.ts';
import { type Listing, listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { type Capture, captureTables } from './redirect-rules.ts';
import { runIn } from './run-in.ts';

interface State {
  readonly rules: Listing;
  /** Policy rules and routes of ours, by family. */
  readonly routes: readonly unknown[];
}

/** By capture: the namespaces of a node's pods differ in few ways. */
const references = new Map<string, Promise<State>>();
const mostReferences = 64;

/** `absent`: nothing of ours is there. Throws RunFault when it cannot be read. */
export async function checkRules(netns: Netns, wanted: Capture, signal: AbortSignal): Promise<'whole' | 'absent' | 'damaged'> {
  const capture = effective(netns, wanted);
  const [is, should] = await Promise.all([stateOf(netns, capture.ipv6, signal), reference(capture, signal)]);
  if (isDeepStrictEqual(is, should)) return 'whole';
  const isEmpty = Object.keys(is.rules).length === 0 && is.routes.every((each) => Array.isArray(each) && each.length === 0);
  return isEmpty ? 'absent' : 'damaged';
}

function reference(capture: Capture, signal: AbortSignal): Promise<State> {
  const key = JSON.stringify(capture);
  const known = references.get(key);
  if (known !== undefined) return known;
  if (references.size >= mostReferences) references.clear();
  const made = makeReference(capture, signal);
  references.set(key, made);
  made.catch(() => references.delete(key));
  return made;
}

async function makeReference(capture: Capture, signal: AbortSignal): Promise<State> {
  using empty = Netns.create();
  await applyRules(empty, capture, signal);
  return stateOf(empty, capture.ipv6, signal);
}

async function stateOf(netns: Netns, ipv6: boolean, signal: AbortSignal): Promise<State> {
  const families = ipv6 ? ['-4', '-6'] : ['-4'];
  const [rules, ...routes] = await Promise.all([
    listRules(netns, captureTables, signal),
    ...families.flatMap((family) => [
      ipJson(netns, [family, 'rule', 'show', 'pref', '32764'], signal),
      ipJson(netns, [family, 'route', 'show', 'table', '100'], signal),
    ]),
  ]);
  return { rules, routes };
}

/** A table that was never written to does not exist, which is an empty list. */
async function ipJson(netns: Netns, argv: readonly string[], signal: AbortSignal): Promise<unknown> {
  const text = await runIn(netns, ['ip', '-json', ...argv], signal).catch((e: unknown) => {
    if (e instanceof Error && e.message.includes('FIB table does not exist')) return '';
    throw e;
  });
  return text.trim() === '' ? [] : JSON.parse(text);
}
