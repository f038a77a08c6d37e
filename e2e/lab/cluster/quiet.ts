// The report of watches that nobody wants to hear about: the lab's own controllers say only what they could not do.
// Used wherever cluster/ watches.
import type { WatchReport } from '@ambient-mesh/kube/list-watch';

export const quiet: WatchReport = { listed() {}, watching() {}, ended() {}, absent() {}, skipped() {} };
