// Numbers as people read them: ages, and amounts of bytes. Pure; what programs read keeps plain numbers.

/** `7s`, `3m12s`, `5h`, `12d`: two units where the first is small. */
export function ageText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 600) return `${Math.floor(whole / 60)}m${whole % 60 === 0 ? '' : `${whole % 60}s`}`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)}h`;
  return `${Math.floor(whole / 86_400)}d`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `0 B`, `999 B`, `1.5 kB`, `12 MB`: powers of a thousand, two digits at least. */
export function bytesText(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
