// Starts the xDS client from the configuration, and turns what it reports into log lines and metrics.
// The client itself is wire/xds/client.ts, loaded only when a control plane is configured because of the memory that protobuf costs.
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Log } from '@ambient-mesh/runtime/log';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { XdsReport } from '@ambient-mesh/wire/xds/client';
import type { Config } from './config.ts';
import { xdsTarget } from './control-plane.ts';

export interface XdsStart {
  readonly config: Config;
  readonly address: string;
  readonly apply: (delta: MeshDelta) => void;
  /** Once, when the mesh has arrived for the first time. */
  readonly synced: () => void;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  readonly onLost: (why: unknown) => void;
}

export interface XdsControl {
  /** Settles when the control plane has answered, or after 30 s without an answer. */
  readonly demand: (key: string) => Promise<void>;
}

const longestDemand = ms(30_000);

export async function startXds(start: XdsStart, signal: AbortSignal): Promise<XdsControl> {
  const { config, clock, apply, synced, onLost } = start;
  const [{ XdsClient }, { describeNode }] = await Promise.all([
    import('@ambient-mesh/wire/xds/client'),
    import('@ambient-mesh/wire/xds/node'),
  ]);
  const { node, unreadable } = describeNode({
    instanceIp: config.instanceIp,
    podName: config.podName,
    podNamespace: config.podNamespace,
    nodeName: config.localNode ?? '',
    metadata: config.proxyMetadata,
    jsonMetadata: config.metaJson,
  });
  for (const name of unreadable) start.log.for('xds').warn(`ISTIO_METAJSON_${name} is not JSON and is left out`);
  const report = reporter(start);
  const client = new XdsClient(
    { target: xdsTarget(config, start.address), node, onDemand: config.xdsOnDemand },
    { apply: (delta) => void apply(delta), clock, synced, report },
  );
  client.run(signal).catch(onLost);
  return {
    demand: (key) => client.demand(key, AbortSignal.any([signal, AbortSignal.timeout(longestDemand)])).catch(() => {}),
  };
}

function reporter({ metrics, log, address }: XdsStart): XdsReport {
  const scope = log.for('xds');
  const terminations = metrics.counter(
    'istio_xds_connection_terminations_total',
    'The total number of completed connections to xds server (unstable)',
    ['reason'],
  );
  const url = metrics.labels(['url']);
  const messages = metrics.counter('istio_xds_message_total', 'Total number of messages received (unstable)', url);
  const bytes = metrics.counter('istio_xds_message_bytes_total', 'Total number of bytes received (unstable)', url, { unit: 'bytes' });
  return {
    connected: () => scope.info(`connected to the control plane at ${address}`),
    received: (typeUrl, resources, removed, bodyBytes) => {
      messages.series([typeUrl]).value += 1;
      bytes.series([typeUrl]).value += bodyBytes;
      if (scope.enabled('debug'))
        scope.debug('received', [
          ['type', typeUrl],
          ['resources', resources],
          ['removed', removed],
        ]);
    },
    rejected: ({ name, reason }) =>
      scope.warn('resource rejected', [
        ['name', name],
        ['reason', reason],
      ]),
    ended: (reason, why, wait) => {
      terminations.series([reason]).value += 1;
      const text = why === undefined ? 'ended' : describeError(why);
      scope[reason === 'Complete' || reason === 'Reconnect' ? 'info' : 'warn'](
        `connection to the control plane at ${address}: ${text}; trying again in ${wait} ms`,
      );
    },
  };
}
