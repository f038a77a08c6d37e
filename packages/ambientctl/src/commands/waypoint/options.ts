// Options that several verbs of `waypoint` share, and how their values are read. A value that makes no sense is refused by the parser.
import { type Ms, parseDuration } from '@ambient-mesh/runtime/time';
import { InvalidArgumentError, Option } from 'commander';
import { trafficTypes } from './gateway.ts';

/** `none` as a label's value means no waypoint at all. */
export function waypointName(text: string): string {
  if (text === 'none') throw new InvalidArgumentError('"none" is no name: as a label it means no waypoint.');
  return text;
}

const defaultName = 'waypoint';

export const nameOption = (): Option => new Option('--name <name>', 'name of the waypoint').default(defaultName).argParser(waypointName);
export const forOption = (): Option =>
  new Option('--for <traffic>', `what goes through it (default: ${trafficTypes[0]})`).choices(trafficTypes);
export const revisionOption = (about: string): Option => new Option('-r, --revision <name>', about);
export const allNamespacesOption = (): Option => new Option('-A, --all-namespaces', 'of all namespaces').default(false);
export const timeoutOption = (): Option =>
  new Option('--waypoint-timeout <duration>', 'how long to wait').default('90s').argParser(durationParser);

/** Keeps the text, which is what failures quote. */
export function durationParser(text: string): string {
  readDuration(text);
  return text;
}

/** What `durationParser` has let through, as a number. */
export function readDuration(text: string): Ms {
  const duration = parseDuration(text);
  if (duration === undefined) throw new InvalidArgumentError('It is no duration such as 90s or 2m.');
  return duration;
}
