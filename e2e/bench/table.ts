// The figures of a run as a table for people: a line per metric, ours beside every peer, the target and whether it is kept. Pure.
import { type Figure, peers } from './figures.ts';
import { keeps, type Target, targetOf } from './targets.ts';

const heads = ['case', 'metric', 'ours', 'direct', 'HAProxy', 'ours/HAProxy', 'target', ''] as const;
type Row = readonly string[];

export function table(figures: readonly Figure[]): string {
  const lines = [...Map.groupBy(figures, (f) => `${f.bench}\0${f.case}\0${f.metric}`).values()].map(row);
  return aligned([heads, ...lines]);
}

/** Of the figures of one metric, one per peer. */
function row(figures: readonly Figure[]): Row {
  const [first] = figures as readonly [Figure];
  const [direct, ...others] = peers.map((peer) => figures.find((f) => f.peer === peer));
  const proxy = others.find((f) => f !== undefined);
  const judged = figures.map((f) => ({ figure: f, target: targetOf(f) })).find(({ target }) => target !== undefined);
  return [
    `${first.bench}: ${first.case}`,
    `${first.metric}, ${first.unit}`,
    amount(first.ours),
    amount(direct?.theirs),
    amount(proxy?.theirs),
    proxy?.ratio?.toFixed(2) ?? '',
    judged?.target === undefined ? '' : wording(judged.target),
    judged?.target === undefined ? '' : verdict(keeps(judged.figure, judged.target)),
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
    return column >= 2 && column <= 5 ? text.padStart(width) : text.padEnd(width);
  };
  return rows.map((cells) => cells.map(cell).join('  ').trimEnd()).join('\n');
}
