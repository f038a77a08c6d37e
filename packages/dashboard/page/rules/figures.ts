// How the page writes figures: one form for table, graph and panel. Pure.
// Zero is a dash: what is idle should not shout.

export const nothing = '–';

const byteUnits = ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'] as const;

/** `1.2 MB/s`; decimal units, as in network rates. */
export function byteRate(perSecond: number): string {
  if (!(perSecond > 0)) return nothing;
  if (perSecond < 1) return '<1 B/s';
  let scaled = perSecond;
  let unit = 0;
  while (unit < byteUnits.length - 1 && Number(short(scaled)) >= 1000) {
    scaled /= 1000;
    unit += 1;
  }
  return `${short(scaled)} ${byteUnits[unit]}`;
}

/** `0.3/s`, `12/s`. */
export function rate(perSecond: number): string {
  if (!(perSecond > 0)) return nothing;
  return perSecond < 0.05 ? '<0.1/s' : `${grouped(short(perSecond))}/s`;
}

export function count(n: number): string {
  return n > 0 ? grouped(String(Math.round(n))) : nothing;
}

/** A share from 0 to 1; a fault too rare for one decimal is still not nothing. */
export function percent(share: number): string {
  if (!(share > 0)) return '0 %';
  return share < 0.0005 ? '<0.1 %' : `${short(share * 100)} %`;
}

export function milliseconds(ms: number): string {
  if (!(ms > 0)) return nothing;
  if (ms < 1) return '<1 ms';
  return ms < 999.5 ? `${short(ms)} ms` : `${short(ms / 1000)} s`;
}

/** `1 edge`, `2 edges`, `no edges`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return n === 0 ? `no ${many}` : `${grouped(String(n))} ${n === 1 ? one : many}`;
}

const short = (n: number): string => (n >= 9.95 ? String(Math.round(n)) : n.toFixed(1).replace(/\.0$/, ''));

/** Thin spaces between thousands: no locale reads them wrongly. */
const grouped = (digits: string): string => digits.replace(/\B(?=(?:\d{3})+$)/g, '\u202f');
