// The /proc files of a made-up process, and those of this one.
import { expect, test } from 'vitest';
import { costOf, readCost } from './process-cost.ts';

const stat = '4242 (MainThread) S 1 4242 4242 0 -1 4194560 16087 0 0 0 250 75 0 0 20 0 12 0 100 1 2';
const status = 'Name:\tnode\nVmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\nRssAnon:\t   50000 kB\n';

test('CPU is user and system time; memory is what is resident', () => {
  expect(readCost(stat, status)).toEqual({ cpuSeconds: 3.25, rssMb: 102.4 });
});

test('a name with blanks and parentheses does not shift the fields', () => {
  expect(readCost(stat.replace('MainThread', 'a) S (9 9 9 b'), status).cpuSeconds).toBe(3.25);
});

test('unreadable texts throw', () => {
  expect(() => readCost('', status)).toThrow();
  expect(() => readCost(stat, 'Name:\tkthreadd\n')).toThrow();
});

test('this very process has a cost', () => expect(costOf(process.pid).rssMb).toBeGreaterThan(10));
