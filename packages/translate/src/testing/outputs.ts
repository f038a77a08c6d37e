// Everything that an index has said so far, as its listener would know it.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Unenforced } from '../authorization-policy.ts';
import type { Condition } from '../kinds/meta.ts';
import type { RouteParentStatus } from '../kinds/route-parts.ts';
import type { IndexSink, RouteSubject, StatusSubject } from '../mesh-index.ts';

export class Outputs implements IndexSink {
  readonly workloads: Map<string, Workload> = new Map();
  readonly services: Map<string, Service> = new Map();
  readonly policies: Map<string, Policy> = new Map();
  readonly l7s: Map<string, L7Resource> = new Map();
  /** By `table namespace/name`; nothing to say counts as absent. */
  readonly routes: Map<string, readonly RouteParentStatus[]> = new Map();
  /** By `table namespace/name`; nothing to say counts as absent. */
  readonly statuses: Map<string, readonly Condition[]> = new Map();
  readonly troubles: Map<string, readonly string[]> = new Map();
  readonly verdicts: Map<string, Unenforced> = new Map();
  /** What was said since this was last emptied, `w `, `s `, `p ` or `l ` before the key. */
  readonly said: string[] = [];

  workload(uid: string, workload: Workload | undefined): void {
    this.said.push(`w ${uid}`);
    keep(this.workloads, uid, workload);
  }

  service(key: string, service: Service | undefined): void {
    this.said.push(`s ${key}`);
    keep(this.services, key, service);
  }

  policy(key: string, policy: Policy | undefined): void {
    this.said.push(`p ${key}`);
    keep(this.policies, key, policy);
  }

  l7(name: string, resource: L7Resource | undefined): void {
    if (resource !== undefined || this.l7s.has(name)) this.said.push(`l ${name}`);
    keep(this.l7s, name, resource);
  }

  routeStatus({ table, key }: RouteSubject, parents: readonly RouteParentStatus[] | undefined): void {
    keep(this.routes, `${table} ${key}`, parents?.length === 0 ? undefined : parents);
  }

  problems(name: string, problems: readonly string[] | undefined): void {
    keep(this.troubles, name, problems?.length === 0 ? undefined : problems);
  }

  status({ table, key }: StatusSubject, conditions: readonly Condition[] | undefined): void {
    keep(this.statuses, `${table} ${key}`, conditions === undefined || conditions.length === 0 ? undefined : conditions);
  }

  unenforced(policy: string, unenforced: Unenforced | undefined): void {
    keep(this.verdicts, policy, unenforced);
  }
}

function keep<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
