// When an object was made, as milliseconds: the model's unit. Pure.

/** From `Meta.createdAt`, digits of a calendar (20260131235959) that only order; 0 for an object without a date. */
export function createdAt(digits: number): number {
  if (digits < 1e13) return 0;
  const part = (above: number, below: number): number => Math.floor((digits % above) / below);
  const [month, day] = [part(1e10, 1e8), part(1e8, 1e6)];
  // Years from March on, so that the day that comes and goes is the last one.
  const year = Math.floor(digits / 1e10) - (month <= 2 ? 1 : 0);
  const leapDays = Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
  const days = year * 365 + leapDays + Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1 - 719_468;
  return ((days * 24 + part(1e6, 1e4)) * 60 + part(1e4, 1e2)) * 60_000 + part(1e2, 1) * 1_000;
}
