// How a container sees the machine's files: as they are, with its volumes on top, and with a /tmp of its own. Pure text for `mount -a`.
// Called by pod-run.ts; carried out by container-process.ts inside the container's own mount namespace.
import { dirname } from 'node:path';

export interface Mount {
  /** Under the pod's folder. */
  readonly source: string;
  readonly path: string;
  readonly readOnly: boolean;
}

export interface MountPlan {
  readonly fstab: string;
  /** To be made beforehand, under the pod's folder: they hold what the container writes over the machine's files. */
  readonly folders: readonly string[];
}

/** How `mount` gets at the pod's folder whatever is mounted over it meanwhile: an open descriptor of the shell that starts it. */
export const podFolderFd = 9;
const podFolder = `/proc/self/fd/${podFolderFd}`;

export interface MountOrder {
  readonly mounts: readonly Mount[];
  /** Under the pod's folder, new for every start of the container. */
  readonly scratch: string;
  readonly exists: (path: string) => boolean;
}

/** @throws Error for a mount path that would need a new directory in the root. */
export function planMounts({ mounts, scratch, exists }: MountOrder): MountPlan {
  const covered = new Set(['/tmp']);
  for (const { path } of mounts) {
    const over = existingParent(path, exists);
    if (over === '/') throw new Error(`the lab cannot mount at ${path}: there is no ${path.split('/', 2).join('/')} on this machine`);
    if (over !== undefined) covered.add(over);
  }
  const overlays = [...covered].toSorted().map((lower, at) => ({ lower, upper: `${scratch}/${at}/upper`, work: `${scratch}/${at}/work` }));
  const lines = [
    ...overlays.map(
      ({ lower, upper, work }) =>
        `overlay ${escaped(lower)} overlay lowerdir=${escaped(lower)},upperdir=${escaped(`${podFolder}/${upper}`)},workdir=${escaped(`${podFolder}/${work}`)} 0 0`,
    ),
    ...mounts.map(
      ({ source, path, readOnly }) =>
        `${escaped(`${podFolder}/${source}`)} ${escaped(path)} none bind${readOnly ? ',ro' : ''},X-mount.mkdir 0 0`,
    ),
  ];
  return { fstab: `${lines.join('\n')}\n`, folders: overlays.flatMap(({ upper, work }) => [upper, work]) };
}

/** The deepest directory above a path that does not exist; undefined if it does exist. */
function existingParent(path: string, exists: (path: string) => boolean): string | undefined {
  if (exists(path)) return undefined;
  let parent = dirname(path);
  while (parent !== '/' && !exists(parent)) parent = dirname(parent);
  return parent;
}

const escaped = (text: string): string => text.replace(/[\s\\,:]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
