// Whether a pod still has exactly the rules that apply-rules.ts gave it. What the rules look like once they are in the kernel is asked of
// the kernel itself: the same rules in an empty namespace. Used by the node agent when somebody has touched rules, and at its start.
import { isDeepStrictEqual } from 'node:util';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { applyRules, effective } from './apply-rules.ts';
import { giveLoopbackIpv6 } from './ipv6.ts';
import { type Listing, listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { type Capture, captureTables } from './redirect-rules.ts';
import { runIn } from './run-in.ts';

interface State {
  readonly rules: Listing;
  /** Policy rules and local routes of both families, as `ip` lists them. */
  readonly routes: readonly Routing[];
}

interface Routing {
  readonly family: string;
  readonly fwmark?: string;
  readonly dst?: string;
}

/** By capture: the namespaces of a node's pods differ in few ways. */
const references = new Map<string, Promise<State>>();
const mostReferences = 64;
const referenceWithinMs = 20_000;

/** `absent`: nothing of ours is there. What others have beside ours is their affair. Throws RunFault when it cannot be read. */
export async function checkRules(netns: Netns, wanted: Capture, signal: AbortSignal): Promise<'whole' | 'absent' | 'damaged'> {
  const capture = effective(netns, wanted);
  const [is, should] = await Promise.all([stateOf(netns, capture.ipv6, signal), unlessAborted(reference(capture), signal)]);
  const there = should.routes.filter((each) => is.routes.some((one) => isDeepStrictEqual(one, each))).length;
  if (there === should.routes.length && isDeepStrictEqual(is.rules, should.rules)) return 'whole';
  return there === 0 && Object.keys(is.rules).length === 0 ? 'absent' : 'damaged';
}

function reference(capture: Capture): Promise<State> {
  const key = JSON.stringify(capture);
  const known = references.get(key);
  if (known !== undefined) return known;
  if (references.size >= mostReferences) references.clear();
  const made = makeReference(capture, AbortSignal.timeout(referenceWithinMs));
  references.set(key, made);
  made.catch(() => references.delete(key));
  return made;
}

async function makeReference(capture: Capture, signal: AbortSignal): Promise<State> {
  using empty = Netns.create();
  if (capture.ipv6) giveLoopbackIpv6(empty);
  await applyRules(empty, capture, signal);
  const { rules, routes } = await stateOf(empty, capture.ipv6, signal);
  // The rest are those that any namespace has.
  return { rules, routes: routes.filter(({ fwmark, dst }) => fwmark !== undefined || dst === 'default') };
}

async function stateOf(netns: Netns, ipv6: boolean, signal: AbortSignal): Promise<State> {
  const [rules, ...routes] = await Promise.all([
    listRules(netns, captureTables, signal),
    ...(ipv6 ? ['-4', '-6'] : ['-4']).map((family) => routing(netns, family, signal)),
  ]);
  return { rules, routes: routes.flat() };
}

/** Of all tables, since asking for one that nobody has written to yet is an error. */
async function routing(netns: Netns, family: string, signal: AbortSignal): Promise<Routing[]> {
  const asked = 'rule show\nroute show table all type local\n';
  const lists = await runIn(netns, ['ip', '-json', family, '-batch', '-'], signal, { stdin: asked });
  return lists
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => JSON.parse(line) as object[])
    .map((each) => ({ family, ...each }));
}
