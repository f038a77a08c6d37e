// What only one replica does: statuses, events, addresses of ServiceEntries, the roots' ConfigMaps. Begins and ends with leadership.
// Made by app.ts; each task is a file of status/. Whoever becomes leader looks at everything once, then follows changes.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import type { Clock } from '@ambient-mesh/runtime/time';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { isRouteTable, routeTables } from '@ambient-mesh/translate/mesh-routes';
import type { Config } from './config.ts';
import { keepWaypoints } from './deploy/waypoints.ts';
import type { Discovery } from './feed/discovery.ts';
import type { Stores } from './feed/feed.ts';
import type { Logger } from './log.ts';
import type { Publisher, StatusTable } from './push/publisher.ts';
import type { SigningAuthority } from './sign/signing-authority.ts';
import { keepAllocations } from './status/address-allocation.ts';
import { ConditionWriter, conditionTables, type StatusReport } from './status/condition-writer.ts';
import { keepRootConfigMaps } from './status/root-config-maps.ts';
import { RouteStatusWriter } from './status/route-status-writer.ts';
import { UnenforcedEvents } from './status/unenforced-events.ts';
import type { Telemetry } from './telemetry.ts';

export interface LeaderParts {
  readonly config: Config;
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly discovery: Discovery;
  readonly publisher: () => Publisher;
  readonly authority: SigningAuthority;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly report: WatchReport;
  readonly clock: Clock;
}

const random = Math.random;

export class Leader {
  readonly #parts: LeaderParts;
  #conditions: ConditionWriter | undefined;
  #routes: RouteStatusWriter | undefined;
  #events: UnenforcedEvents | undefined;

  constructor(parts: LeaderParts) {
    this.#parts = parts;
  }

  /** An object, or what its status should say, has changed. */
  statusChanged(table: StatusTable, key: string): void {
    if (isRouteTable(table)) this.#routes?.touch(table, key);
    else this.#conditions?.touch(table, key);
  }

  unenforcedChanged(policy: string): void {
    this.#events?.touch(policy);
  }

  /** Works until the signal aborts, and returns once nothing is under way any more. */
  async lead(signal: AbortSignal): Promise<void> {
    const { config, client, stores, discovery, authority, log, report, clock } = this.#parts;
    const gaveUp = (what: string) => (subject: string, why: unknown) => log.warn({ subject, err: why }, `${what} given up`);
    if (config.writeStatus) this.#beginStatus(signal);
    const tasks = [
      keepRootConfigMaps(
        {
          client,
          authority,
          namespaces: stores.namespaces,
          discovers: (namespace) => discovery.discovers(namespace),
          clock,
          random,
          report,
          failed: gaveUp('the ConfigMap with the roots was'),
        },
        signal,
      ),
      ...(config.allocateAddresses
        ? [
            keepAllocations(
              { client, entries: stores.serviceEntries, revision: config.revision, clock, random, failed: gaveUp('addresses were') },
              signal,
            ),
          ]
        : []),
      ...(config.deployWaypoints ? [this.#keepWaypoints(signal)] : []),
    ];
    await Promise.all(tasks);
    await Promise.all([this.#conditions?.idle(), this.#routes?.idle()]);
    this.#conditions = undefined;
    this.#routes = undefined;
    this.#events = undefined;
  }

  #keepWaypoints(signal: AbortSignal): Promise<void> {
    const { config, client, stores, discovery, telemetry, log, report, clock } = this.#parts;
    return keepWaypoints(
      {
        client,
        settings: config,
        revisionTags: config.revisionTags,
        stores,
        discovers: (namespace) => discovery.discovers(namespace),
        clock,
        random,
        watchReport: report,
        report: {
          written: () => telemetry.statusWrites.series(['gateways']).value++,
          foreign: (gateway, object) =>
            log.warn({ gateway, object }, 'an object that is not ours is in the way of a waypoint; it stays as it is'),
          failed: (subject, why) => {
            telemetry.statusErrors.series(['gateways']).value++;
            log.warn({ subject, err: why }, 'a waypoint is not what it should be; trying again');
          },
        },
      },
      signal,
    );
  }

  #beginStatus(signal: AbortSignal): void {
    const { client, stores, config, telemetry, log, clock } = this.#parts;
    const publisher = this.#parts.publisher();
    const statusReport: StatusReport = {
      written: (table) => telemetry.statusWrites.series([table]).value++,
      failed: (table, key, why) => {
        telemetry.statusErrors.series([table]).value++;
        log.warn({ table, key, err: why }, 'a status was given up');
      },
    };
    const conditions = new ConditionWriter(
      {
        client,
        kinds: allKinds,
        object: (table, key) => stores[table].get(key),
        wanted: (table, key) => publisher.conditions(table, key),
        clock,
        random,
        report: statusReport,
      },
      signal,
    );
    this.#conditions = conditions;
    for (const table of conditionTables) for (const [key] of stores[table].entries()) conditions.touch(table, key);
    const routes = new RouteStatusWriter(
      {
        client,
        kinds: allKinds,
        route: (table, key) => stores[table].get(key),
        wanted: (table, key) => publisher.routeParents(table, key),
        clock,
        random,
        report: statusReport,
      },
      signal,
    );
    this.#routes = routes;
    for (const table of routeTables) for (const [key] of stores[table].entries()) routes.touch(table, key);
    this.#events = new UnenforcedEvents(
      {
        client,
        policies: stores.authorizationPolicies,
        unenforced: publisher.unenforced,
        instance: config.podName,
        clock,
        random,
        failed: (policy, why) => log.warn({ policy, err: why }, 'an event was given up'),
      },
      signal,
    );
  }
}
