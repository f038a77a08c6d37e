// The readiness page (port 15021): what a kubelet probe asks, and what a person reads to learn what is still awaited.
// Served by runtime/http; the tokens behind it are runtime/readiness.
import type { Route } from '@ambient-mesh/runtime/http';
import type { Readiness } from '@ambient-mesh/runtime/readiness';

/** 500, not 503, while something is missing: probes and tools of Istio's ztunnel look for that. */
export function readinessRoutes(readiness: Pick<Readiness, 'missing'>): readonly Route[] {
  return [
    {
      path: '/healthz/ready',
      methods: ['GET'],
      handler: () => {
        const { missing } = readiness;
        return missing.length === 0 ? { body: 'ready\n' } : { status: 500, body: `not ready, pending: ${missing.join(', ')}\n` };
      },
    },
  ];
}
