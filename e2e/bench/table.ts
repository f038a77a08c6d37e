// The figures of a run as a table for people: a line per metric and peer, ours beside the peer's and the direct way's, the target and whether it is kept. Pure.
import type { Figure } from './figures.ts';
import { keeps, type Target, targetOf } from './targets.ts';

const heads = ['case', 'metric', 'ours', 'direct', 'peer', '', 'ours/peer', 'target', ''] as const;
/** Columns with numbers. */
const numbers: readonly number[] = [2, 3, 4, 6];
/** What is compared with for scale only. */
const isWithout = ({ peer }: Figure): boolean => peer === 'direct' || peer === 'no waypoint';
type Row = readonly string[];

export function table(figures: readonly Figure[]): string {
  const lines = [...Map.groupBy(figures, (f) => `${f.bench}\0${f.case}\0${f.metric}`).values()].flatMap(rows);
  return aligned([heads, ...lines]);
}

/** Of the figures of one metric, one per peer: a row for each but the direct way, which stands in all. */
function rows(figures: readonly Figure[]): readonly Row[] {
  const direct = figures.find(isWithout);
  const others = figures.filter((f) => f.peer !== null && !isWithout(f));
  return others.length === 0 ? figures.slice(0, 1).map((f) => row(f, direct, undefined)) : others.map((f) => row(f, direct, f));
}

function row(ours: Figure, direct: Figure | undefined, peer: Figure | undefined): Row {
  const judged = (direct === undefined ? [ours] : [ours, direct]).flatMap((f) => {
    const target = targetOf(f);
    return target === undefined ? [] : [{ target, kept: keeps(f, target) }];
  })[0];
  return [
    `${ours.bench}: ${ours.case}`,
    `${ours.metric}, ${ours.unit}`,
    amount(ours.ours),
    amount(direct?.theirs),
    amount(peer?.theirs),
    peer?.peer ?? '',
    peer?.ratio?.toFixed(2) ?? '',
    judged === undefined ? '' : wording(judged.target),
    judged === undefined ? '' : verdict(judged.kept),
  ];
}

const wording = ({ at, bound, of }: Target): string => `${at === 'least' ? '>=' : '<='} ${bound}${of === 'ratio' ? ' x' : ''}`;
const verdict = (kept: boolean | undefined): string => (kept === undefined ? '' : kept ? 'ok' : 'short');
const amount = (value: number | null | undefined): string => value?.toLocaleString('en', { maximumSignificantDigits: 4 }) ?? '';

/** Text to the left, numbers to the right. */
function aligned(rows: readonly Row[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    return numbers.includes(column) ? text.padStart(width) : text.padEnd(width);
  };
  return rows.map((cells) => cells.map(cell).join('  ').trimEnd()).join('\n');
}
