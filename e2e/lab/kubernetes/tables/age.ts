// How long ago, in the few characters that kubectl's tables have for it: `5s`, `3m10s`, `2d4h`.
// The same steps as duration.HumanDuration of apimachinery.

/** `created` is RFC 3339; anything else shows as `<unknown>`. */
export function ageOf(created: unknown, now: number): string {
  const since = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return Number.isNaN(since) ? '<unknown>' : humanDuration(now - since);
}

export function humanDuration(forMs: number): string {
  const seconds = Math.trunc(forMs / 1_000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
