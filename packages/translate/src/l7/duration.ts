// Durations as Kubernetes objects write them. Pure; milliseconds.

const unit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** As Istio's objects write them (`1.5s`, `1h30m`, `500ms`), to the millisecond; undefined for anything else, negative ones included. */
export function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 40 || !/^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, word = ''] of text.matchAll(/([\d.]+)([hmsuµn]+)/g)) total += Number(number) * (unit[word] ?? 0);
  return Number.isSafeInteger(Math.ceil(total)) ? Math.ceil(total) : undefined;
}

/** As the Gateway API writes them (GEP-2257): up to four whole numbers of five digits. */
export const gatewayDuration = (text: string): number | undefined =>
  /^(\d{1,5}(h|m|s|ms)){1,4}$/.test(text) ? durationOf(text) : undefined;
