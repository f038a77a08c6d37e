// A store that follows the test's API server, with everything it says written down.
// Used by the tests of the list-watch.
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { KubeClient } from '../client.ts';
import type { WatchEnd, WatchReport } from '../list-watch.ts';
import { type Store, watchStore } from '../store.ts';
import type { ApiServer } from './api-server.ts';
import { type Thing, things } from './things.ts';

export interface Following extends AsyncDisposable {
  readonly store: Store<Thing>;
  /** Changes: `+ns/name=value`, `~ns/name=value`, `-ns/name`. */
  readonly heard: string[];
  /** `listed 3`, `watching`, `absent`, `skipped ns/name`. */
  readonly said: string[];
  readonly ends: WatchEnd[];
}

export interface FollowOptions {
  readonly clock?: Clock;
  /** Default: always 0, the shortest waits. */
  readonly random?: () => number;
}

export function follow(api: ApiServer, { clock = systemClock, random = () => 0 }: FollowOptions = {}): Following {
  const stop = new AbortController();
  const client = new KubeClient(api.access, { clock });
  const heard: string[] = [];
  const said: string[] = [];
  const ends: WatchEnd[] = [];
  const report: WatchReport = {
    listed: (_, { objects }) => said.push(`listed ${objects}`),
    watching: () => said.push('watching'),
    ended: (_, end) => ends.push(end),
    absent: () => said.push('absent'),
    skipped: (_, key) => said.push(`skipped ${key}`),
  };
  const store = watchStore(client, things, { report, clock, random }, stop.signal);
  store.onChange((key, after, before) => {
    heard.push(after === undefined ? `-${key}` : `${before === undefined ? '+' : '~'}${key}=${after.value}`);
  });
  return {
    store,
    heard,
    said,
    ends,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await client[Symbol.asyncDispose]();
    },
  };
}
