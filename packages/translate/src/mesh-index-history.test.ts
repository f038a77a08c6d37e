// However a cluster came to be what it is, the index says of it what one says that was told so at once: nothing of the past is left, nothing was missed.
// A property over random histories; the single rules are in mesh-index.test.ts.
import { isDeepStrictEqual } from 'node:util';
import type { Provider } from '@ambient-mesh/model/l7/settings';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Inputs } from './kinds/all.ts';
import { MeshIndex } from './mesh-index.ts';
import type { TranslateSettings } from './settings.ts';
import { Outputs } from './testing/outputs.ts';
import { type Change, someChange } from './testing/random-inputs.ts';
import { plainSettings } from './testing/services.ts';

const someSettings: fc.Arbitrary<TranslateSettings> = fc
  .record({ allowWaypoints: fc.boolean(), flags: fc.boolean(), revision: fc.constantFrom('', 'own') })
  .map(({ allowWaypoints, flags, revision }) => ({
    ...plainSettings,
    allowWaypoints,
    revision,
    meshDefaults: { ...plainSettings.meshDefaults, providers: [rateLimits] },
    servicesSelectEntries: flags,
    entriesSelectPods: flags,
  }));

const rateLimits: Provider = { name: 'p', kind: 'rate-limit', service: 'x.com', port: 80, timeout: 1, domain: 'd' };

const someHistory = fc.array(fc.array(someChange, { minLength: 1, maxLength: 4, size: 'max' }), {
  minLength: 1,
  maxLength: 60,
  size: 'max',
});

/** The objects that a history leaves, said to an index at once. */
function toldAtOnce(objects: ReadonlyMap<string, Change>, settings: TranslateSettings): Outputs {
  const index = new MeshIndex(settings);
  for (const change of objects.values()) say(index, change);
  const outputs = new Outputs();
  index.settle(outputs);
  return outputs;
}

const say = <K extends keyof Inputs>(index: MeshIndex, { table, key, object }: { table: K; key: string; object: Inputs[K] | undefined }) =>
  index.set(table, key, object);

/** The order of a workload's services counts too: it is the order of bytes on the wire. */
const told = ({ workloads, services, policies, l7s, statuses, routes, troubles, verdicts }: Outputs) => ({
  workloads: new Map([...workloads].map(([uid, workload]) => [uid, { ...workload, services: [...workload.services] }])),
  services,
  policies,
  l7s,
  statuses,
  routes,
  troubles,
  verdicts,
});

test('an index that followed every change equals one that was told the outcome', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(someSettings, someHistory, (settings, history) => {
      const index = new MeshIndex(settings);
      const followed = new Outputs();
      const objects = new Map<string, Change>();
      for (const [at, changes] of history.entries()) {
        for (const change of changes) {
          say(index, change);
          const name = `${change.table} ${change.key}`;
          objects.delete(name);
          if (change.object !== undefined) objects.set(name, change);
        }
        index.settle(followed);
        if (at % 4 < 3 && at < history.length - 1) continue;
        const fresh = told(toldAtOnce(objects, settings));
        if (!isDeepStrictEqual(told(followed), fresh)) expect(told(followed)).toEqual(fresh);
      }
    }),
    { numRuns: 400 },
  );
});

test('when everything is gone, nothing is left', () => {
  fc.assert(
    fc.property(someSettings, someHistory, (settings, history) => {
      const index = new MeshIndex(settings);
      const followed = new Outputs();
      for (const change of history.flat()) say(index, change);
      index.settle(followed);
      for (const change of history.flat()) say(index, { ...change, object: undefined });
      index.settle(followed);
      expect(told(followed)).toEqual(told(toldAtOnce(new Map(), settings)));
    }),
    { numRuns: 50 },
  );
});
