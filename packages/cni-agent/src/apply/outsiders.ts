// The pods that should be in the mesh and are not: counted by reason, told as Events on the pod, and kept from talking where that is asked for.
// Told by reconcile.ts what it met; read by the metrics. A pod that is enrolled within its first attempt is never listed.
import type { Ip } from '@ambient-mesh/model/address';
import type { Pod } from '../facts/pod.ts';
import type { Obstacle } from './node.ts';

export interface OutsiderPorts {
  /** Posts a Warning on the pod; must not throw. */
  readonly warn: (pod: Pod, obstacle: Obstacle, text: string) => void;
  /** Posts that all is well again; must not throw. */
  readonly recovered: (pod: Pod, obstacle: Obstacle) => void;
  /** The addresses of all pods whose traffic must not pass, whenever they change. */
  readonly shut: (ips: readonly Ip[]) => void;
}

interface Outsider {
  readonly pod: Pod;
  readonly obstacle: Obstacle;
  readonly ips: readonly Ip[];
}

/** With these a pod is captured, or its probes fail: nothing of it passes in clear. */
const harmless: ReadonlySet<Obstacle> = new Set(['no-ztunnel', 'ztunnel-refused', 'probes', 'annotation']);

export class Outsiders {
  readonly #ports: OutsiderPorts;
  readonly #pods = new Map<string, Outsider>();

  constructor(ports: OutsiderPorts) {
    this.#ports = ports;
  }

  /** The same news again is no news. */
  met(pod: Pod, ips: readonly Ip[], obstacle: Obstacle, text: string): void {
    const before = this.#pods.get(pod.uid);
    this.#pods.set(pod.uid, { pod, obstacle, ips });
    const isNews = before?.obstacle !== obstacle;
    if (isNews) this.#ports.warn(pod, obstacle, text);
    if (isNews || before.ips.join() !== ips.join()) this.#shut();
  }

  /** It is enrolled, or need not be any more, or is gone. */
  left(uid: string, isEnrolled: boolean): void {
    const before = this.#pods.get(uid);
    if (before === undefined) return;
    this.#pods.delete(uid);
    if (isEnrolled) this.#ports.recovered(before.pod, before.obstacle);
    this.#shut();
  }

  *byObstacle(): Iterable<readonly [Obstacle, number]> {
    const counts = new Map<Obstacle, number>();
    for (const { obstacle } of this.#pods.values()) counts.set(obstacle, (counts.get(obstacle) ?? 0) + 1);
    yield* counts;
  }

  /** Addresses of those whose traffic passes in clear. */
  exposed(): readonly Ip[] {
    return [...this.#pods.values()].filter(({ obstacle }) => !harmless.has(obstacle)).flatMap(({ ips }) => ips);
  }

  #shut(): void {
    this.#ports.shut(this.exposed());
  }
}
