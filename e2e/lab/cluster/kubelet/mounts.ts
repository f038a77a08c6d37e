// The file systems of the lab's nodes and containers: each sees the machine's files, and what it writes stays its own. Pure text.
// Carried out in mount namespaces of their own, which end with their processes: by node-root.ts for nodes, by container-process.ts for containers.
// What is written lies in memory, in a tmpfs of the same namespace, so that nothing of it can be left behind.
import { dirname } from 'node:path';

export interface Mount {
  /** Absolute, as the node sees it, without symbolic links. */
  readonly source: string;
  readonly path: string;
  readonly readOnly: boolean;
  /** A file or a socket; else a directory. */
  readonly isFile?: boolean;
}

/** Where a node finds the files of the machine as they really are. */
export const machineRoot = '/.machine';
/** Where a container finds its node's while it is made; gone before its program starts. */
const nodeRoot = '/.node';

export interface MachineMount {
  readonly path: string;
  readonly isFile: boolean;
}

/** Made anew, or by others: a container's processes, devices, run-time files; what no program here reads. */
const leftOut = ['/proc', '/sys', '/dev', '/run', '/snap', '/var/lib'];

/** Paths of the machine's other file systems, outer ones first. @param text of /proc/self/mountinfo */
export function otherMounts(text: string): string[] {
  const points = text.split('\n').map((line) => unescaped(line.split(' ')[4] ?? '/'));
  const isOut = (path: string): boolean => path === '/' || leftOut.some((each) => path === each || path.startsWith(`${each}/`));
  return [...new Set(points)].filter((path) => !isOut(path)).toSorted();
}

interface Layers {
  /** '' where the machine's root is the root. */
  readonly machine: string;
  readonly others: readonly MachineMount[];
  /** A directory to mount a tmpfs at, which holds the root and what is written to it. */
  readonly scratch: string;
}

/** Lines for `mount --all`: a root at `scratch`/root. */
function layersFstab({ machine, others, scratch }: Layers): string {
  const overlay = (path: string, at: number): string => {
    const [lower, upper, work] = [`${machine}${path}`, `${scratch}/${at}/upper`, `${scratch}/${at}/work`].map(escaped);
    return `overlay ${escaped(`${scratch}/root${path}`)} overlay lowerdir=${lower || '/'},upperdir=${upper},workdir=${work} 0 0`;
  };
  const other = ({ path, isFile }: MachineMount, at: number): string =>
    isFile ? `${escaped(machine + path)} ${escaped(`${scratch}/root${path}`)} none bind 0 0` : overlay(path, at + 1);
  const same = (path: string): string => `${escaped(path)} ${escaped(`${scratch}/root${path}`)} none rbind 0 0`;
  const fresh = `tmpfs ${escaped(`${scratch}/root/run`)} tmpfs mode=755 0 0`;
  return lines([overlay('', 0), ...others.map(other), same('/sys'), same('/dev'), fresh]);
}

/** Shell text that makes the root of `layersFstab` the root, and leaves the one before it at `old`. */
const enterRoot = ({ others, scratch }: Layers, fstab: string, old: string): string =>
  [
    `mount -t tmpfs -o mode=755 tmpfs ${quoted(scratch)}`,
    `cd ${quoted(scratch)}`,
    `mkdir -p root ${Array.from({ length: others.length + 1 }, (_, at) => `${at}/upper ${at}/work`).join(' ')}`,
    `mount --no-canonicalize --all --fstab ${quoted(fstab)}`,
    `cd root`,
    `mkdir -p .${old}`,
    `pivot_root . .${old}`,
    'cd /',
  ].join('\n');

export interface RootPlan {
  /** For `sh -e`, in a fresh mount namespace. */
  readonly script: string;
  /** Files that the script reads, by path in the folder of the plan. */
  readonly files: Readonly<Record<string, string>>;
  /** To be there beforehand. */
  readonly scratch: string;
}

export interface RootOrder {
  /** Absolute, of the machine. */
  readonly folder: string;
  readonly others: readonly MachineMount[];
}

/** A node: the processes are the machine's, /run is new, and `machineRoot` leads to the machine. */
export function planNodeRoot({ folder, others }: RootOrder): RootPlan {
  const scratch = `${folder}/root`;
  const layers = { machine: '', others, scratch };
  const script = `${enterRoot(layers, `${folder}/layers`, machineRoot)}\nmount --rbind ${machineRoot}/proc /proc\n`;
  return { script, files: { layers: layersFstab(layers) }, scratch };
}

/** A container of a node: in a fresh process namespace too, with what its pod mounts, and no way back. */
export function planContainerRoot({ folder, others, mounts }: RootOrder & { readonly mounts: readonly Mount[] }): RootPlan {
  const scratch = `${folder}/root`;
  const layers = { machine: machineRoot, others, scratch: machineRoot + scratch };
  const volumes = mounts.map(
    ({ source, path, readOnly, isFile = false }) =>
      `${escaped(nodeRoot + source)} ${escaped(path)} none rbind${readOnly ? ',ro' : ''}${isFile ? '' : ',X-mount.mkdir'} 0 0`,
  );
  const script = [
    enterRoot(layers, `${machineRoot}${folder}/layers`, nodeRoot),
    'mount -t proc proc /proc',
    ...mounts.filter(({ isFile }) => isFile).map(({ path }) => fileAt(path)),
    `mount --no-canonicalize --all --fstab ${quoted(`${nodeRoot}${machineRoot}${folder}/volumes`)}`,
    `umount --lazy ${nodeRoot}`,
    `rmdir ${nodeRoot}`,
    '',
  ].join('\n');
  return { script, files: { layers: layersFstab(layers), volumes: lines(volumes) }, scratch };
}

/** Something to mount a file at; a link that leads nowhere would be none. */
const fileAt = (path: string): string =>
  `test -e ${quoted(path)} || { mkdir -p ${quoted(dirname(path))}; rm -f ${quoted(path)}; : >${quoted(path)}; }`;

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
const octal = (char: string): string => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
const escaped = (text: string): string => text.replace(/[\s\\,:]/g, octal);
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
