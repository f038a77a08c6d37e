// The control plane as this waypoint uses it: the xDS client that feeds world.ts, and our own certificate kept fresh.
// Started by app.ts. What is reported goes to log and metrics.
import { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { systemClock } from '@ambient-mesh/runtime/time';
import { CaClient } from '@ambient-mesh/wire/ca/client';
import { XdsClient, type XdsReport } from '@ambient-mesh/wire/xds/client';
import { describeNode } from '@ambient-mesh/wire/xds/node';
import { type Rejection, waypointTypes } from '@ambient-mesh/wire/xds/subscription';
import type { Config } from './config.ts';
import type { Logger } from './log.ts';

export function certificateBook(config: Config): CertificateBook {
  const client = new CaClient(config.ca, systemClock);
  const ttlSeconds = Math.floor(config.certificateTtl / 1_000);
  return new CertificateBook({
    // Our own identity: the token is proof enough.
    sign: (request, signal) => client.sign({ ...request, ttlSeconds, impersonate: false }, signal),
    clock: systemClock,
    random: Math.random,
  });
}

export interface Following {
  readonly config: Config;
  readonly apply: (delta: MeshDelta) => readonly Rejection[];
  /** Once, when everything has arrived for the first time. */
  readonly synced: () => void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Follows the control plane until the signal aborts; rejects when what it said could not be applied at all. */
export function follow({ config, apply, synced, metrics, log }: Following, signal: AbortSignal): Promise<void> {
  const { node } = describeNode({
    type: 'waypoint',
    instanceIp: config.ip ?? '',
    podName: config.podName,
    podNamespace: config.podNamespace,
    nodeName: config.nodeName,
    metadata: { CLUSTER_ID: config.clusterId, NETWORK: config.network, SERVICE_ACCOUNT: config.serviceAccount },
    jsonMetadata: {},
  });
  const client = new XdsClient(
    { target: config.xds, node, onDemand: false, types: waypointTypes },
    { apply, clock: systemClock, synced, report: reporter(metrics, log) },
  );
  return client.run(signal);
}

function reporter(metrics: Metrics, log: Logger): XdsReport {
  const messages = metrics.counter('istio_xds_message_total', 'Total number of messages received (unstable)', ['url']);
  const ends = metrics.counter(
    'istio_xds_connection_terminations_total',
    'The total number of completed connections to xds server (unstable)',
    ['reason'],
  );
  const rejections = metrics.counter(
    'ambient_waypoint_rejected_resources_total',
    'Resources of the control plane that could not be used',
    [],
  );
  return {
    connected: () => log.info('connected to the control plane'),
    received: (typeUrl, resources, removed) => {
      messages.series([typeUrl]).value += 1;
      log.debug({ typeUrl, resources, removed }, 'received');
    },
    rejected: ({ name, reason }) => {
      rejections.series([]).value += 1;
      log.warn({ name, reason }, 'a resource cannot be used; what was there stays in force');
    },
    ended: (reason, why, wait) => {
      ends.series([reason]).value += 1;
      log[reason === 'Complete' || reason === 'Reconnect' ? 'info' : 'warn'](
        { reason, why: why instanceof Error ? why.message : undefined, wait },
        'the connection to the control plane ended',
      );
    },
  };
}
