// The first change in one of several folders, as a signal. Used by installer.ts, which opens it before each look: nothing falls between.
import { type FSWatcher, watch } from 'node:fs';

/** Aborts its signal once. A folder that is not there, or is mounted over, is not seen: whoever waits must look in time all the same. */
export class Change implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  readonly #seen = new AbortController();

  constructor(folders: readonly string[]) {
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          // Our own half-written files are no news, nor is the plugin's log.
          if (name === null || !/\.tmp\.|\.log(\.|$)|\.sock$/.test(name)) this.#seen.abort();
        });
        watcher.on('error', () => this.#seen.abort());
        this.#watchers.push(watcher);
      } catch {
        // It may come later.
      }
    }
  }

  get signal(): AbortSignal {
    return this.#seen.signal;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
