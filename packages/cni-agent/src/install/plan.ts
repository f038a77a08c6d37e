// What should be in the node's folder of CNI configurations, told from what is in it. Pure (facts: control-plane §2.3).
// Carried out by installer.ts, again and again: what is right already is left alone.
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

/** Files by name. */
export type ConfFiles = ReadonlyMap<string, string>;

export type ConfChange =
  /** `like`: the file whose mode it gets; undefined: a new one of ours. `remove`: the file that it takes the place of. */
  | {
      readonly do: 'write';
      readonly name: string;
      readonly text: string;
      readonly like: string | undefined;
      readonly remove: string | undefined;
    }
  | { readonly do: 'remove'; readonly name: string };

export type ConfPlan = ConfChange | { readonly do: 'nothing' } | { readonly do: 'wait'; readonly why: string };

interface Primary {
  readonly name: string;
  readonly list: ConfList;
  readonly isSingle: boolean;
}

const nothing = { do: 'nothing' } as const;
const standaloneName = 'YYY-istio-cni.conf';

export function planConf(files: ConfFiles, wishes: ConfWishes): ConfPlan {
  const { chained, ownedConfig, entry } = wishes;
  if (!chained) return standalone(files, wishes);
  const primary = primaryOf(files, wishes);
  if ('why' in primary) return { do: 'wait', why: primary.why };
  if (ownedConfig) return owned(files, wishes, primary);
  if (!primary.isSingle && isRight(primary.list, entry)) return nothing;
  const name = primary.isSingle ? asList(primary.name) : primary.name;
  const remove = name === primary.name ? undefined : primary.name;
  return { do: 'write', name, text: written(withOurs(primary.list, entry)), like: primary.name, remove };
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
  return files.get(ownedFilename) === text ? nothing : { do: 'write', name: ownedFilename, text, like: primary.name, remove: undefined };
}

/** What takes us out again; the first step of several, until nothing is left to do. */
export function planRemoval(
  files: ConfFiles,
  { confName, chained, ownedFilename, ownedConfig }: Omit<ConfWishes, 'entry'>,
): ConfChange | { readonly do: 'nothing' } {
  if (!chained) {
    const name = confName || standaloneName;
    return files.has(name) ? { do: 'remove', name } : nothing;
  }
  if (ownedConfig) return files.has(ownedFilename) ? { do: 'remove', name: ownedFilename } : nothing;
  for (const name of candidates(files)) {
    const read = readConf(files.get(name) ?? '');
    if ('mistake' in read || read.isSingle || !hasOurs(read.ok)) continue;
    const rest = withoutOurs(read.ok);
    // A chain of nothing would be no valid configuration.
    if (rest.plugins.length === 0) return { do: 'remove', name };
    return { do: 'write', name, text: written(rest), like: name, remove: undefined };
  }
  return nothing;
}

const candidates = (files: ConfFiles): string[] => [...files.keys()].filter((name) => /\.conf(list)?$/.test(name)).sort();
const asList = (name: string): string => name.replace(/\.conf$/, '.conflist');

function primaryOf(files: ConfFiles, { confName, ownedConfig, ownedFilename }: ConfWishes): Primary | { readonly why: string } {
  // A single configuration that we have made a list of has another name now.
  const named = confName === '' ? undefined : [confName, asList(confName)];
  const broken: string[] = [];
  for (const name of named ?? candidates(files)) {
    const text = files.get(name);
    if (text === undefined || (ownedConfig && name === ownedFilename)) continue;
    const read = readConf(text);
    if ('mistake' in read) broken.push(`${name}: ${read.mistake}`);
    // Ours alone is no network.
    else if (withoutOurs(read.ok).plugins.length > 0)
      return { name, list: ownedConfig ? withoutOurs(read.ok) : read.ok, isSingle: read.isSingle };
  }
  const which = confName === '' ? 'a CNI configuration' : confName;
  return { why: `waiting for ${which} in the node's folder${broken.length === 0 ? '' : ` (${broken.join('; ')})`}` };
}
