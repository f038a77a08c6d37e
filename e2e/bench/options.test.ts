// The command line, good and bad.
import { expect, test } from 'vitest';
import { type Plan, readPlan } from './options.ts';

const known = ['bulk', 'http'];

const plans: readonly (readonly [name: string, args: readonly string[], want: Partial<Plan>])[] = [
  ['everything, three rounds of five seconds by default', [], { names: [], rounds: 3, seconds: 5, warmUpSeconds: 1, quick: false }],
  ['names select benches', ['http', 'bulk'], { names: ['http', 'bulk'] }],
  ['quick is one short round without warm-up', ['--quick'], { rounds: 1, seconds: 1, warmUpSeconds: 0, quick: true }],
  ['rounds and seconds can be set, in quick too', ['--quick', '--rounds', '5', '--seconds=2'], { rounds: 5, seconds: 2, quick: true }],
  ['figures go to a file', ['--json', 'out.jsonl', 'bulk'], { json: 'out.jsonl', names: ['bulk'] }],
];
for (const [name, args, want] of plans) test(name, () => expect(readPlan(args, known)).toMatchObject({ ok: want }));

const mistakes: readonly (readonly [name: string, args: readonly string[], said: RegExp])[] = [
  ['an unknown bench is named, with those that exist', ['bulk', 'fast'], /fast.*bulk, http/],
  ['an unknown option is refused', ['--slow'], /--slow/],
  ['no rounds are refused', ['--rounds', '0'], /whole number/],
  ['parts of a second are refused', ['--seconds', '0.5'], /whole number/],
  ['a missing file name is refused', ['--json'], /json/],
];
for (const [name, args, said] of mistakes)
  test(name, () => expect(readPlan(args, known)).toEqual({ mistake: expect.stringMatching(said) }));
