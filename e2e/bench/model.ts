// The model's own benchmark, run as the program that it is, and its figures passed on.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, figure } from './figures.ts';

const program = fileURLToPath(new URL('../../packages/model/src/model.bench.ts', import.meta.url));

/** Its lines are figures without the fields about peers. */
type Line = Pick<Figure, 'bench' | 'case' | 'metric' | 'unit' | 'ours'>;

export async function* model({ signal }: { readonly signal: AbortSignal }): AsyncIterable<readonly Figure[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--json'], { signal });
  yield readLines(stdout).map((line) => figure(line, { metric: line.metric, unit: line.unit, value: line.ours }));
}

const readLines = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
