// The counters of the mesh's proxies at one moment, and what became of them until the next. Pure.
// Filled in by commands/top.ts with what proxies tell scrapers; families and their meaning are the dashboard's, so both show the same.
import { parseLabels, readExposition } from '@ambient-mesh/dashboard/exposition';
import { type Family, families, type Measured, type Place, type Subject, subjectOf } from '@ambient-mesh/dashboard/series';

/** Values of one proxy, by family and the text of their labels. */
export type Sample = ReadonlyMap<Family, ReadonlyMap<string, number>>;

const mostSamples = 500_000;
const wanted: ReadonlySet<string> = new Set(families.filter((each) => each !== 'istio_request_duration_milliseconds_bucket'));
const isFamily = (name: string): name is Family => wanted.has(name);

export function sampleOf(exposition: string): Sample {
  const sample = new Map<Family, Map<string, number>>();
  readExposition(exposition, wanted, mostSamples, (family, labels, value) => {
    if (!isFamily(family)) return;
    const values = sample.get(family) ?? new Map<string, number>();
    sample.set(family, values.set(labels, value));
  });
  return sample;
}

/** A series that is new began at 0; one that has become less began anew. `by`: the waypoint that tells it. */
export function* measuredBetween(before: Sample, after: Sample, by: Place | undefined): Iterable<Measured> {
  const subjects = new Map<string, Subject | undefined>();
  for (const [family, values] of after) {
    for (const [text, latest] of values) {
      if (!subjects.has(text)) subjects.set(text, subjectIn(text));
      const subject = subjects.get(text);
      const earlier = before.get(family)?.get(text) ?? 0;
      if (subject !== undefined) yield { family, subject, increase: latest < earlier ? latest : latest - earlier, latest, by };
    }
  }
}

function subjectIn(text: string): Subject | undefined {
  const labels = parseLabels(text);
  return labels && subjectOf(labels);
}
