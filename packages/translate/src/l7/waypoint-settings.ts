// What a waypoint is told of its own Gateway. Pure.
import type { WaypointSettings } from '@ambient-mesh/model/l7/settings';
import type { Gateway } from '../kinds/gateway.ts';

export const waypointSettings = ({ meta, className }: Pick<Gateway, 'meta' | 'className'>): WaypointSettings => ({
  namespace: meta.namespace,
  name: meta.name,
  class: className,
  includeClientIdentity: meta.annotations['ambient.istio.io/xfcc-include-client-identity'] === 'true',
});
