// What should be in the node's folder of CNI configurations, told from what is in it. Pure (facts: control-plane §2.3).
// Carried out by installer.ts, step by step: what is right already is left alone.
import { type ConfList, hasOurs, isRight, type PluginEntry, readConf, withOurs, withoutOurs, written } from './conflist.ts';

export interface ConfWishes {
  /** Of the file to extend; '' finds it: the first in the order of names that is valid, as container runtimes do. */
  readonly confName: string;
  /** False: a configuration with our plugin alone. */
  readonly chained: boolean;
  /** A chain of our own beside the primary one. */
  readonly ownedConfig: boolean;
  readonly ownedFilename: string;
  readonly entry: PluginEntry;
}

/** Files by name; undefined: it cannot be read, or is larger than any configuration. */
export type ConfFiles = ReadonlyMap<string, string | undefined>;

/** The next step; whoever takes it looks and asks again, until nothing is left to do. */
export type ConfChange =
  /** `like`: the file that it was made from and whose mode it gets; undefined: none. `remove`: the file that it takes the place of. */
  | {
      readonly do: 'write';
      readonly name: string;
      readonly text: string;
      readonly like: string | undefined;
      readonly remove: string | undefined;
    }
  | { readonly do: 'remove'; readonly name: string };

export type ConfPlan =
  | ConfChange
  /** `primary`: the file that everything was told from. */
  | { readonly do: 'nothing'; readonly primary?: string }
  | { readonly do: 'wait'; readonly why: string };

interface Primary {
  readonly name: string;
  readonly list: ConfList;
  readonly isSingle: boolean;
}

const nothing = { do: 'nothing' } as const;
const standaloneName = 'YYY-istio-cni.conf';

/** @param last the primary when all was right. While it cannot be read, somebody is writing it: then no other is taken for the primary. */
export function planConf(files: ConfFiles, wishes: ConfWishes, last?: string): ConfPlan {
  const { chained, ownedConfig, ownedFilename, entry } = wishes;
  if (!chained) return standalone(files, wishes);
  const primary = primaryOf(files, wishes, last);
  if ('why' in primary) return { do: 'wait', why: primary.why };
  if (ownedConfig) return owned(files, wishes, primary);
  if (primary.isSingle || !isRight(primary.list, entry)) return extended(primary, entry);
  // Left by an agent that wrote a chain of its own; it would be read instead of the primary.
  const isStale = primary.name !== ownedFilename && holdsOurs(files.get(ownedFilename));
  return isStale ? { do: 'remove', name: ownedFilename } : { do: 'nothing', primary: primary.name };
}

function extended({ name, list, isSingle }: Primary, entry: PluginEntry): ConfPlan {
  const text = written(withOurs(list, entry));
  return isSingle && asList(name) !== name
    ? { do: 'write', name: asList(name), text, like: name, remove: name }
    : { do: 'write', name, text, like: name, remove: undefined };
}

function standalone(files: ConfFiles, { confName, entry }: ConfWishes): ConfPlan {
  const name = confName || standaloneName;
  const text = written({ cniVersion: '0.3.1', ...entry });
  return files.get(name) === text ? nothing : { do: 'write', name, text, like: undefined, remove: undefined };
}

function owned(files: ConfFiles, { ownedFilename, entry }: ConfWishes, primary: Primary): ConfPlan {
  if (ownedFilename >= primary.name)
    return { do: 'wait', why: `${ownedFilename} does not sort before ${primary.name}, so nobody would read it` };
  const text = written(withOurs(primary.list, entry));
  if (files.get(ownedFilename) === text) return { do: 'nothing', primary: primary.name };
  return { do: 'write', name: ownedFilename, text, like: primary.name, remove: undefined };
}

/**
 * What takes us out again, from wherever an agent may have put us, with these wishes or with others: an entry that is forgotten keeps every
 * pod of the node from starting.
 */
export function planRemoval(files: ConfFiles, wishes: Omit<ConfWishes, 'entry'>): ConfChange | { readonly do: 'nothing' } {
  const { confName, chained, ownedFilename, ownedConfig } = wishes;
  const alone = chained ? undefined : confName || standaloneName;
  const ours = ownedConfig ? ownedFilename : alone;
  for (const name of candidates(files, confName)) {
    if (name === ours) return { do: 'remove', name };
    const read = readConf(files.get(name));
    if ('mistake' in read || !hasOurs(read.ok)) continue;
    const rest = withoutOurs(read.ok);
    // A chain of nothing would be no valid configuration, and a copy of the primary is not needed any more.
    if (rest.plugins.length === 0 || name === ownedFilename) return { do: 'remove', name };
    return { do: 'write', name, text: written(rest), like: name, remove: undefined };
  }
  return nothing;
}

export const isConfName = (name: string, confName: string): boolean => /\.conf(list)?$/.test(name) || name === confName;
const candidates = (files: ConfFiles, confName: string): string[] => [...files.keys()].filter((name) => isConfName(name, confName)).sort();
const asList = (name: string): string => name.replace(/\.conf$/, '.conflist');
const asSingle = (name: string): string => name.replace(/\.conflist$/, '.conf');

function holdsOurs(text: string | undefined): boolean {
  const read = readConf(text);
  return 'ok' in read && hasOurs(read.ok);
}

function primaryOf(files: ConfFiles, wishes: ConfWishes, last: string | undefined): Primary | { readonly why: string } {
  const { confName, ownedConfig, ownedFilename } = wishes;
  // A single configuration that we have made a list of has another name now, and one that is named as a list may be single still.
  const named = confName === '' ? undefined : [...new Set([confName, asList(confName), asSingle(confName)])];
  const broken: string[] = [];
  for (const name of named ?? candidates(files, confName)) {
    if (!files.has(name) || (name === ownedFilename && (ownedConfig || named === undefined))) continue;
    const read = readConf(files.get(name));
    if ('mistake' in read) {
      if (name === last) return { why: `waiting for whoever is writing ${name}: ${read.mistake}` };
      broken.push(`${name}: ${read.mistake}`);
    }
    // Ours alone is no network.
    else if (withoutOurs(read.ok).plugins.length > 0)
      return { name, list: ownedConfig ? withoutOurs(read.ok) : read.ok, isSingle: read.isSingle };
  }
  const which = confName === '' ? 'a CNI configuration' : confName;
  return { why: `waiting for ${which} in the node's folder${broken.length === 0 ? '' : ` (${broken.join('; ')})`}` };
}
