// The command line of `npm run bench -- …`, read into a plan. Pure.
import { parseArgs } from 'node:util';

export interface Plan {
  /** Names of benches; empty: all. */
  readonly names: readonly string[];
  /** Per case and peer; figures are medians over them. */
  readonly rounds: number;
  readonly seconds: number;
  /** Unmeasured, before the first round of each peer. */
  readonly warmUpSeconds: number;
  /** One short round of the cases that tell most. */
  readonly quick: boolean;
  /** Where to write figures, one JSON object per line. */
  readonly json?: string | undefined;
  /** Where the tunnels leave CPU profiles. */
  readonly profile?: string | undefined;
}

export const usage = `npm run bench -- [NAME…] [--quick] [--rounds N] [--seconds N] [--json FILE] [--profile FOLDER]`;

const options = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  json: { type: 'string' },
  profile: { type: 'string' },
} as const;

/** @param known names of benches */
export function readPlan(args: readonly string[], known: readonly string[]): { readonly ok: Plan } | { readonly mistake: string } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const unknown = positionals.filter((name) => !known.includes(name));
    if (unknown.length > 0) return { mistake: `no bench is called ${unknown.join(', ')}; there are ${known.join(', ')}` };
    const quick = values.quick;
    const rounds = count(values.rounds, quick ? 1 : 3);
    const seconds = count(values.seconds, quick ? 1 : 5);
    if (rounds === undefined || seconds === undefined) return { mistake: '--rounds and --seconds take a whole number from 1 to 100' };
    const { json, profile } = values;
    return { ok: { names: positionals, rounds, seconds, warmUpSeconds: quick ? 0 : 1, quick, json, profile } };
  } catch (e) {
    return { mistake: e instanceof Error ? e.message : String(e) };
  }
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= 100 ? value : undefined;
}
