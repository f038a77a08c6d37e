// Everything that an index has said so far, as its listener would know it.
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Unenforced } from '../authorization-policy.ts';
import type { Condition } from '../kinds/meta.ts';
import type { IndexSink, StatusSubject } from '../mesh-index.ts';

export class Outputs implements IndexSink {
  readonly workloads: Map<string, Workload> = new Map();
  readonly services: Map<string, Service> = new Map();
  readonly policies: Map<string, Policy> = new Map();
  /** By `table namespace/name`; nothing to say counts as absent. */
  readonly statuses: Map<string, readonly Condition[]> = new Map();
  readonly verdicts: Map<string, Unenforced> = new Map();
  /** What was said since this was last emptied, `w ` and `s ` and `p ` before the key. */
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
