// The metrics page (port 15020): OpenMetrics text, under the content type that the scraper asked for.
// Served and compressed by runtime/http; the numbers are gathered by whoever made `text`.
import type { Route } from '@ambient-mesh/runtime/http';

const openMetrics = 'application/openmetrics-text';

/** `text` brings the numbers of all threads up to date first. */
export function metricsRoutes(text: () => Promise<string>): readonly Route[] {
  return ['/metrics', '/stats/prometheus'].map((path) => ({
    path,
    compress: true,
    handler: async ({ headers }) => ({ type: contentType(headers.accept), body: await text() }),
  }));
}

/** Parameters and order of preference are ignored: a scraper that lists OpenMetrics at all can read it. */
export function contentType(accept: string | undefined): string {
  const listed = (accept ?? '').split(',').map((element) => element.split(';', 1)[0]?.trim().toLowerCase());
  return listed.includes(openMetrics) ? `${openMetrics};charset=utf-8;version=1.0.0` : 'text/plain; charset=utf-8';
}
