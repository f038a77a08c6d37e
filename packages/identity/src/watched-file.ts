// Tells when a file may have changed, by watching its folder: Kubernetes replaces mounted files by swapping a symbolic link beside them.
// Used for revocation lists (revocation-file.ts); wire's clients read roots and tokens anew for every connection and need no watch.
// Only says "look again"; reading is the caller's.
import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface FileWatch {
  readonly path: string;
  readonly clock: Pick<Clock, 'after'>;
  /** Called 2 s after a change, and after the folder (re)appeared; changes within the 2 s count as one. Must not throw. */
  readonly onChange: () => void;
}

/** A swap comes as several events; also leaves a writer time to finish. Counted from the first event, so that a busy folder cannot put it off for ever. */
const gather = ms(2_000);
/** How often to look for a folder that is not there. */
const retry = ms(10_000);

/** Watches until disposed of. A folder that is missing, or goes away and comes back, is awaited. */
export function watchFile({ path, clock, onChange }: FileWatch): Disposable {
  let watcher: FSWatcher | undefined;
  let timer: Disposable | undefined;
  const lookAgain = (wait: Ms): void => {
    timer ??= clock.after(wait, () => {
      timer = undefined;
      if (begin()) onChange();
    });
  };
  /** A new watcher each time: one on a deleted folder stays silent for ever. */
  const begin = (): boolean => {
    const next = watchFolder(dirname(path));
    if (next === undefined) lookAgain(retry);
    else {
      watcher?.close();
      watcher = next.on('change', () => lookAgain(gather)).on('error', () => lookAgain(retry));
    }
    return next !== undefined;
  };
  begin();
  return {
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
      watcher?.close();
    },
  };
}

function watchFolder(folder: string): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false });
  } catch {
    return undefined;
  }
}
