// One pod, from what is known of it to what is done about it: facts, plan, apply. The queue calls it for a pod by its uid.
// Everything that happens to a pod happens here, one thing at a time for each pod (work-queue.ts).
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import type { Ip } from '@ambient-mesh/model/address';
import { describeError, isFault } from '@ambient-mesh/runtime/errors';
import type { CaptureDecision } from '../facts/capture.ts';
import type { Pod } from '../facts/pod.ts';
import { type Placement, planOf, type Step } from '../plan/pod-plan.ts';
import { annotate, capturePod, enrol } from './enrol.ts';
import type { Members } from './members.ts';
import type { EnrolFault, NodeParts, RulesState } from './node.ts';
import type { Outsiders } from './outsiders.ts';
import { release } from './release.ts';

export interface ReconcilePorts {
  readonly node: NodeParts;
  readonly members: Members;
  readonly outsiders: Outsiders;
  /** As the API server has it. */
  readonly pod: (uid: string) => Pod | undefined;
  readonly isWanted: (pod: Pod) => boolean;
  readonly captureOf: (pod: Pod) => CaptureDecision;
  readonly report: {
    readonly done: (step: Step['do'], pod: Pod) => void;
    /** `why`: what kept them from being read. */
    readonly found: (pod: Pod, what: RulesState | 'unreadable', why?: unknown) => void;
    /** Annotations that cannot be read, in words. */
    readonly mistaken: (pod: Pod, mistakes: readonly string[]) => void;
  };
}

const wholeCapture: Capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };

export class Reconciler {
  readonly #ports: ReconcilePorts;
  readonly #placements = new Map<string, Placement>();

  constructor(ports: ReconcilePorts) {
    this.#ports = ports;
  }

  /** For the next attempt only: if that fails the runtime throws the namespace away. */
  place(uid: string, placement: Placement): void {
    this.#placements.set(uid, placement);
  }

  /** What should be done about the pod now. */
  plan(uid: string): Step {
    const { pod: podOf, members, isWanted, captureOf } = this.#ports;
    const pod = podOf(uid);
    return planOf({
      pod,
      isWanted: pod !== undefined && isWanted(pod),
      member: members.get(uid),
      placement: this.#placements.get(uid),
      capture: pod === undefined ? wholeCapture : captureOf(pod).capture,
    });
  }

  /** @throws when it must be tried again. */
  async work(uid: string, signal: AbortSignal): Promise<void> {
    const step = this.plan(uid);
    this.#placements.delete(uid);
    const { outsiders, report } = this.#ports;
    if (step.do === 'nothing') {
      // A member that needs nothing is enrolled; a pod that is none needs nothing because it does not belong in, or has not begun.
      outsiders.left(uid, this.#ports.members.get(uid) !== undefined);
      return;
    }
    try {
      await this.#apply(step, signal);
      outsiders.left(uid, step.do !== 'release');
      report.done(step.do, step.pod);
    } catch (e) {
      if (!signal.aborted && step.do !== 'release') this.#obstacle(step, e);
      if (step.do === 'enrol' && step.placement !== undefined) await this.#abandon(step.pod.uid, step.ips, signal);
      throw e;
    }
  }

  #apply(step: Exclude<Step, { do: 'nothing' }>, signal: AbortSignal): Promise<void> {
    const { node, members, captureOf, report } = this.#ports;
    if (step.do === 'enrol' || step.do === 'verify') {
      const { mistakes } = captureOf(step.pod);
      if (mistakes.length > 0) report.mistaken(step.pod, mistakes);
    }
    switch (step.do) {
      case 'enrol':
        return enrol({ ...step, capture: captureOf(step.pod).capture }, node, members, signal);
      case 'verify':
        return this.#verify(step.pod, signal);
      case 're-probe':
        return this.#reprobe(step.pod, signal);
      case 'annotate':
        return annotate(step.pod, 'enabled', node, signal);
      case 'release':
        return release(step, node, members, signal);
      default:
        return step satisfies never;
    }
  }

  /** The runtime throws the namespace of a failed start away, and comes again with another. */
  async #abandon(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
    const { ztunnels, probes } = this.#ports.node;
    await ztunnels.del(uid);
    // What cannot be written now is with the next change of the set.
    await probes.remove(uid, ips, signal).catch(() => {});
    this.#ports.members.forget(uid);
  }

  async #verify(pod: Pod, signal: AbortSignal): Promise<void> {
    const { node, members, captureOf, outsiders, report } = this.#ports;
    const member = members.get(pod.uid);
    const { capture } = captureOf(pod);
    if (member?.netns === undefined) return enrol({ pod, ips: pod.ips, capture, placement: undefined }, node, members, signal);
    const generation = node.rules.generation(member.netns);
    // A pod that may fill its namespace can make the look fail, and must not get out of the mesh by it.
    const state = await node.rules.check(member.netns, capture, signal).catch((e: unknown) => {
      signal.throwIfAborted();
      report.found(pod, 'unreadable', e);
      return 'unreadable' as const;
    });
    if (state !== 'unreadable') report.found(pod, state);
    if (state === 'whole') {
      Object.assign(member, { pod, capture, isSuspect: false, generation });
      return;
    }
    // Changed annotations are no damage: the old rules were what they should be.
    if (member.capture === undefined || member.isSuspect)
      outsiders.met(
        pod,
        member.ips,
        'rules-damaged',
        `the pod's redirect rules were ${state}: its traffic was not, or not all, in the mesh`,
      );
    await capturePod(member, member.netns, capture, node, signal);
    member.pod = pod;
  }

  async #reprobe(pod: Pod, signal: AbortSignal): Promise<void> {
    const { node, members } = this.#ports;
    const member = members.get(pod.uid);
    const old = member?.ips.filter((ip) => !pod.ips.includes(ip)) ?? [];
    if (old.length > 0) await node.probes.remove(pod.uid, old, signal);
    await node.probes.upsert(pod.uid, pod.ips, signal);
    if (member !== undefined) Object.assign(member, { pod, ips: pod.ips });
  }

  #obstacle(step: Exclude<Step, { do: 'nothing' | 'release' }>, why: unknown): void {
    const obstacle = isFault(why, 'enrol') ? (why.fault as EnrolFault).obstacle : 'rules';
    const ips = step.do === 'enrol' ? step.ips : step.pod.ips;
    this.#ports.outsiders.met(step.pod, ips, obstacle, describeError(why));
  }
}
