// A waypoint's config_dump, read without trusting it: it may come from another version, or from a file that somebody edited.
// Used by the views beside this file. Fields of a wrong type count as absent; what is no dump at all is refused.
import { isObject, objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { View } from '../../../dump-views.ts';
import { failure } from '../../../failure.ts';
import { parsedJson } from '../../../files.ts';

export interface WaypointDump {
  /** `{name, is, …}`: routes, policies and settings as the control plane wrote them. */
  readonly resources: readonly RawObject[];
  readonly destinations: readonly RawObject[];
  readonly certificates: readonly RawObject[];
  /** Everything, as it came. */
  readonly whole: RawObject;
}

export interface WaypointFlags {
  /** Part of the service's name: `cart`. */
  readonly service: string;
}

export type WaypointView = View<WaypointDump, Partial<WaypointFlags>>;

/** @param from for the sentence that refuses it: `the file x.json` @throws MeshError `command.failed` */
export function parseDump(text: string, from: string): WaypointDump {
  const whole = parsedJson(text);
  if (!isObject(whole) || !isObject(whole.waypoint) || !Array.isArray(whole.destinations))
    throw failure(`${from} is no config_dump of a waypoint: JSON with waypoint and destinations is what one looks like`);
  return {
    resources: objectsOf(whole.resources).toSorted((a, b) => (textOf(a.name) < textOf(b.name) ? -1 : 1)),
    destinations: objectsOf(whole.destinations).toSorted((a, b) => (textOf(a.name) < textOf(b.name) ? -1 : 1)),
    certificates: objectsOf(whole.certificates),
    whole,
  };
}

/** The body of resources of one kind: what `{is: 'route', route: {…}}` holds beside its kind. */
export function bodiesOf({ resources }: WaypointDump, is: string, field: string): readonly RawObject[] {
  return resources.filter((each) => each.is === is).map((each) => objectOf(each[field]));
}
