// Whether this machine can do nftables at all: asked once by the node agent, which cannot capture anything otherwise.
import { describeError, isFault } from '@ambient-mesh/runtime/errors';
import { Netns } from './netns.ts';
import { type RunFault, runIn } from './run-in.ts';

const answersWithinMs = 5_000;

/** What is missing, in a sentence; undefined when nothing is. */
export async function nftablesFault(signal: AbortSignal): Promise<string | undefined> {
  try {
    const said = await runIn(Netns.current(), ['nft', '--json', 'list', 'tables'], signal, { timeoutMs: answersWithinMs });
    return said.trimStart().startsWith('{') ? undefined : 'nft answers without JSON: a newer nftables is needed';
  } catch (e) {
    if (!isFault(e, 'host.run')) throw e;
    const { exit, said } = e.fault as RunFault;
    if (exit === undefined) return `nft cannot be run: ${describeError(e)}`;
    return said.includes('not supported') || said.includes('Invalid argument')
      ? `this kernel has no nf_tables (${said})`
      : `nft fails: ${said}`;
  }
}
