// Whether a waypoint will take a regular expression. Pure.
// Asked while routes are translated, so that their status says what is wrong before any waypoint is told.
import { type Refusal, unsupported } from './route-findings.ts';

/** Undefined when it is fine. */
export function regexTrouble(regex: string): Refusal | undefined {
  try {
    new RegExp(regex);
    return undefined;
  } catch (why) {
    return unsupported(`regular expression ${regex} cannot be used: ${why instanceof Error ? why.message : 'unreadable'}`);
  }
}
