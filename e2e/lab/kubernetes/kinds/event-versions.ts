// Events have two faces, core v1 and events.k8s.io/v1, over the same stored objects: some fields have other names.
// Used by registry.ts; objects are kept in core v1.
import type { KubeObject } from '../patch/json.ts';

/** Core name, name in events.k8s.io. Fields that are not listed have the same name in both. */
const names = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
] as const;

const toNew: ReadonlyMap<string, string> = new Map(names);
const toCore: ReadonlyMap<string, string> = new Map(names.map(([core, other]) => [other, core]));

export const eventToCore = (event: Readonly<KubeObject>): KubeObject => renamed(event, toCore, 'v1');
export const eventFromCore = (event: Readonly<KubeObject>): KubeObject => renamed(event, toNew, 'events.k8s.io/v1');

function renamed({ kind, metadata, ...fields }: Readonly<KubeObject>, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const entries = Object.entries(fields).map(([name, value]) => [names.get(name) ?? name, value]);
  return { ...Object.fromEntries(entries), apiVersion, kind, metadata };
}
