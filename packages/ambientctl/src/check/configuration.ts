// Judges waypoints, and everything else that `analyze` looks at: what is an error there is one here too. Pure.
import { allAnalyzers } from '../analyze/all-analyzers.ts';
import { analyse } from '../analyze/analysis.ts';
import { conditions } from '../analyze/analyzers/conditions.ts';
import { enrolment } from '../analyze/analyzers/enrolment.ts';
import { isWaypoint } from '../analyze/analyzers/known-waypoints.ts';
import { waypoints } from '../analyze/analyzers/waypoints.ts';
import { type Finding, subjectText } from '../analyze/finding.ts';
import type { World } from '../analyze/world.ts';
import { type Check, counted, each, ok, type Topic, warning, wrong } from './result.ts';

const everything = { namespaces: undefined, suppressed: [] } as const;

export function judgeWaypoints(world: World): readonly Check[] {
  const count = [...world.objects.gateways.values()].filter(isWaypoint).length;
  const found = analyse(world, { ...everything, analyzers: [waypoints], outputThreshold: 'Warning' });
  if (found.length > 0) return lines('waypoints', found);
  return count === 0 ? [] : [ok('waypoints', `${counted(count, 'waypoint')} ${count === 1 ? 'is' : 'are'} ready`)];
}

/** Without those that are told elsewhere: pods, waypoints, and statuses that only repeat what others say. */
export function judgeConfiguration(world: World): readonly Check[] {
  const analyzers = allAnalyzers.filter((each) => each !== waypoints && each !== enrolment && each !== conditions);
  const found = analyse(world, { ...everything, analyzers, outputThreshold: 'Warning' });
  const errors = found.filter(({ level }) => level === 'Error');
  const rest = found.length - errors.length;
  return [
    ...lines('configuration', errors),
    ...(rest > 0
      ? [
          warning(
            'configuration',
            `analyze has ${counted(rest, 'warning')}`,
            'ambientctl analyze -A --output-threshold Warning lists them.',
          ),
        ]
      : []),
    ...(found.length === 0 ? [ok('configuration', 'routes, policies and services hold no mistakes')] : []),
  ];
}

const lines = (topic: Topic, found: readonly Finding[]): readonly Check[] =>
  each(
    found,
    ({ code, level, subject, message, advice }) =>
      (level === 'Error' ? wrong : warning)(topic, `${subjectText(subject)}: ${message} [${code}]`, advice),
    (more) => wrong(topic, `${counted(more, 'more finding')}`, 'ambientctl analyze -A lists them.'),
  );
