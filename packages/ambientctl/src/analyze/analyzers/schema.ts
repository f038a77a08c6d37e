// IST0106: what the control plane cannot carry out as written, in its own words.
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import { subjectAt, type World } from '../world.ts';
import { missing } from './references.ts';

export const schema: Analyzer = {
  name: 'schema.ValidationAnalyzer',
  about: 'everything in routes, rules and policies can be carried out as it is written',
  codes: ['IST0106'],
  *run(world) {
    for (const { table, key, problem } of world.judged.problems)
      if (!isReference.test(problem) && !isSelector.test(problem))
        yield finding('IST0106', subjectAt(table, key), problem, isForOthers.test(problem) ? { level: 'Info' } : {});
    yield* ofRoutes(world);
  },
};

/** The references' analyzer says these, and of objects as a whole. */
const isReference = /: the mesh has no service /;
/** The selectors' analyzer, and that of waypoints. */
const isSelector = /targetRefs/;
/** Nothing is wrong with it where there are sidecars. */
const isForOthers = /is for sidecars/;

function* ofRoutes({ judged }: World): Iterable<Finding> {
  for (const { table, key, parents } of judged.routes) {
    const bad = parents.flatMap(({ conditions }) =>
      conditions.filter(({ type, status, reason }) => (status === 'False' && !missing.has(reason)) || type === 'PartiallyInvalid'),
    );
    for (const { reason, message } of bad) yield finding('IST0106', subjectAt(table, key), `${reason}: ${message}`);
  }
}
