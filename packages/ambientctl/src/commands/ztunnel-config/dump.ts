// A ztunnel's config_dump, read without trusting it: it may come from another version, from Istio's ztunnel, or from a file that somebody edited.
// Used by the views beside this file. Fields of a wrong type count as absent; what is no dump at all is refused.
import { isObject, objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { failure } from '../../failure.ts';
import { parsedJson } from '../../files.ts';

export interface Dump {
  readonly workloads: readonly RawObject[];
  readonly services: readonly RawObject[];
  readonly policies: readonly RawObject[];
  readonly certificates: readonly RawObject[];
  /** Pods of the node, each with its uid. */
  readonly pods: readonly RawObject[];
  /** Everything, as it came. */
  readonly whole: RawObject;
}

/** @param from for the sentence that refuses it: `the file x.json` @throws MeshError `command.failed` */
export function parseDump(text: string, from: string): Dump {
  const whole = parsedJson(text);
  if (!isObject(whole) || !Array.isArray(whole.workloads) || !Array.isArray(whole.services))
    throw failure(`${from} is no config_dump of a ztunnel: JSON with workloads and services is what one looks like`);
  return {
    workloads: sorted(objectsOf(whole.workloads)),
    services: sorted(objectsOf(whole.services)),
    policies: sorted(objectsOf(whole.policies)),
    certificates: objectsOf(whole.certificates),
    pods: Object.entries(objectOf(whole.workloadState)).map(([uid, state]) => ({ uid, ...objectOf(state) })),
    whole,
  };
}

const sorted = (all: readonly RawObject[]): readonly RawObject[] => {
  const key = ({ namespace, name }: RawObject): string => `${textOf(namespace)}\n${textOf(name)}`;
  return all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
};

/** `10.0.0.1` of `network/10.0.0.1`. */
export const withoutNetwork = (address: string): string => address.slice(address.indexOf('/') + 1);

/** Name of the waypoint that a workload or service has: its Service's, or its address when that is not known. `None` without one. */
export function waypointOf({ services }: Dump, { waypoint }: RawObject): string {
  const destination = textOf(objectOf(waypoint).destination);
  if (destination === '') return 'None';
  const found = services.find(({ vips, namespace, hostname }) => {
    const byAddress = Array.isArray(vips) && vips.includes(destination);
    return byAddress || `${textOf(namespace)}/${textOf(hostname)}` === destination;
  });
  return found === undefined ? withoutNetwork(destination) : textOf(found.name);
}
