// An instant as the formats of access logs write it: ISO 8601 in UTC, or by strftime's letters and Envoy's `%3f`. Pure.

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');

/** `format` empty: `2026-01-01T00:00:00.000Z`. */
export function formatTime(milliseconds: number, format: string): string {
  const time = new Date(milliseconds);
  const iso = time.toISOString();
  if (format === '') return iso;
  const date = iso.slice(0, 10);
  const clock = iso.slice(11, 19);
  return format.replace(/%([1-9]?)([YmdHMSFTefsZz%])/g, (whole, digits: string, letter: string) => {
    switch (letter) {
      case 'Y':
        return String(time.getUTCFullYear());
      case 'm':
        return pad(time.getUTCMonth() + 1);
      case 'd':
        return pad(time.getUTCDate());
      case 'e':
        return String(time.getUTCDate()).padStart(2);
      case 'H':
        return pad(time.getUTCHours());
      case 'M':
        return pad(time.getUTCMinutes());
      case 'S':
        return pad(time.getUTCSeconds());
      case 'F':
        return date;
      case 'T':
        return clock;
      case 's':
        return String(Math.floor(milliseconds / 1_000));
      case 'f':
        return pad(time.getUTCMilliseconds(), 3)
          .padEnd(9, '0')
          .slice(0, digits === '' ? 9 : Number(digits));
      case 'Z':
        return 'UTC';
      case 'z':
        return '+0000';
      case '%':
        return '%';
      default:
        return whole;
    }
  });
}
