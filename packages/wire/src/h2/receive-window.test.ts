// When the connection window is given back, and when it is withheld: a row a rule of receive-window.ts.
import { expect, test } from 'vitest';
import { type HeldTotal, ReceiveWindow } from './receive-window.ts';

const MiB = 1024 * 1024;

function window(total: HeldTotal = { held: 0 }): { readonly window: ReceiveWindow; readonly given: number[] } {
  const given: number[] = [];
  return { window: new ReceiveWindow(16 * MiB, total, (bytes) => given.push(bytes)), given };
}

test('half a window is given back on receipt, whoever consumes it', () => {
  const { window: w, given } = window();
  w.received(7 * MiB);
  w.received(MiB);
  expect(given).toEqual([8 * MiB]);
});

test('a connection that holds 64 MiB gets nothing back until it holds less', () => {
  const { window: w, given } = window();
  w.held(64 * MiB);
  w.received(8 * MiB);
  expect(given).toEqual([]);
  w.held(-1);
  expect(given).toEqual([8 * MiB]);
});

test('when all connections together hold 256 MiB, those that hold more than a little wait; others do not', () => {
  const total = { held: 250 * MiB };
  const [holder, light] = [window(total), window(total)];
  holder.window.held(6 * MiB);
  holder.window.received(8 * MiB);
  light.window.received(8 * MiB);
  expect([holder.given, light.given]).toEqual([[], [8 * MiB]]);
});

test('room that others have made is noticed at the next check', () => {
  const total = { held: 256 * MiB };
  const { window: w, given } = window(total);
  w.held(2 * MiB);
  w.received(8 * MiB);
  total.held = 0;
  w.check();
  expect(given).toEqual([8 * MiB]);
});

test('more than the window allows is a violation', () => {
  const { window: w } = window();
  expect(() => w.received(16 * MiB + 1)).toThrow('connection window');
});
