// What tests of any package may borrow from runtime: a clock that they move by hand, metrics that note what is declared of them.
// Only tests import this path; the layer checker sees to it.
export { type FakeClock, fakeClock } from './clock.ts';
export { type MetricsCatalogue, metricsPage, NotingMetrics } from './metrics-page.ts';
