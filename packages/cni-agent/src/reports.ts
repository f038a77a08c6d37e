// What the agent's parts have to say, turned into log lines, counts and Events: the one place that knows all three.
// Made by app.ts; every part gets the functions that it reports to.
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import type { Ip } from '@ambient-mesh/model/address';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { type Ms, ms, systemClock } from '@ambient-mesh/runtime/time';
import type { Members } from './apply/members.ts';
import type { OutsiderPorts, Outsiders } from './apply/outsiders.ts';
import type { ReconcilePorts } from './apply/reconcile.ts';
import type { Teller, Told } from './apply/tell.ts';
import type { Pod } from './facts/pod.ts';
import type { Logger } from './log.ts';
import type { PluginLine } from './plugin/event.ts';
import type { Telemetry } from './telemetry.ts';

const sameEventAfter = ms(60_000);

const names = ({ namespace, name, uid }: Pod) => ({ pod: `${namespace}/${name}`, uid });
const regarding = ({ namespace, name, uid }: Pod) => ({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid });

export class Reports {
  readonly #log: Logger;
  readonly #telemetry: Telemetry;
  /** The last failure of each pod that is being tried again, by uid. */
  readonly #failures = new Map<string, string>();
  /** When each Event was told last. */
  readonly #told = new Map<string, Ms>();

  constructor(log: Logger, telemetry: Telemetry) {
    this.#log = log;
    this.#telemetry = telemetry;
  }

  readonly waiting = (node: string): void => this.#log.info({ node }, 'waiting for the API server');
  readonly found = (enrolled: number): void => this.#log.info({ enrolled }, 'pods of this node are known');
  readonly leaving = (isTheEnd: boolean): void =>
    this.#log.info(
      isTheEnd ? 'uninstalled: everything on the node is taken away' : 'stopping; a successor will go on: everything stays in place',
    );
  readonly kubelet = (uid: number | undefined): void =>
    this.#log.info({ uid }, uid === undefined ? 'no kubelet found: probes of any local user are let through' : 'kubelet found');
  readonly residue = (pod: Pod): void =>
    this.#log.warn(names(pod), 'the pod is not in the mesh, but had rules left by an agent that was killed: removed');
  readonly probesRepaired = (): void => this.#log.warn("the node's rules for health probes were gone or changed: written again");
  readonly watchFailed = (why: unknown): void => {
    const err = describeError(why);
    this.#log[this.#isNews(`look ${err}`) ? 'warn' : 'debug']({ err }, 'a look at the node failed; trying again');
  };
  readonly eventLost = (why: unknown): void => this.#log.warn({ err: describeError(why) }, 'an Event was lost');
  readonly plugin = ({ level, message, fields }: PluginLine): void => {
    const { time: _ours, ...rest } = fields;
    this.#log[level]({ ...rest, part: 'plugin' }, message);
  };

  /** The same failure again and again is said once. */
  readonly failed = (uid: string, pod: Pod | undefined, why: unknown, wait: Ms): void => {
    const err = describeError(why);
    const level = this.#failures.get(uid) === err ? 'debug' : 'warn';
    this.#failures.set(uid, err);
    this.#log[level]({ ...(pod && names(pod)), err, againInMs: Math.round(wait) }, 'not done; trying again');
  };

  readonly reconcile: ReconcilePorts['report'] = {
    mistaken: (pod, mistakes) => {
      const level = this.#isNews(`${pod.uid} ${mistakes.join()}`) ? 'warn' : 'debug';
      this.#log[level]({ ...names(pod), mistakes }, 'annotations that cannot be read count as absent');
    },
    done: (step, pod) => {
      this.#telemetry.events.series([step]).value++;
      const isNews = step === 'enrol' || step === 'release';
      this.#log[isNews ? 'info' : 'debug']({ ...names(pod), step }, step === 'release' ? 'pod is out of the mesh' : 'pod is in the mesh');
    },
    found: (pod, what, why) => {
      if (what === 'whole') return;
      const level = this.#isNews(`${pod.uid} rules ${what}`) ? 'warn' : 'debug';
      this.#log[level](
        { ...names(pod), rules: what, err: why === undefined ? undefined : describeError(why) },
        "the pod's redirect rules are not what they should be",
      );
    },
  };

  readonly install = {
    installed: (what: readonly string[]): void => {
      this.#telemetry.installs.series(['SUCCESS']).value++;
      this.#log.info({ what }, 'installed on the node');
    },
    failed: (why: string): void => {
      this.#telemetry.installs.series(['FAILURE']).value++;
      this.#log.warn({ err: why }, 'not installed yet; trying again');
    },
    fighting: (repairs: number): void =>
      this.#log.warn({ repairs }, "something else keeps changing the node's CNI configuration back (Cilium does, with cni.exclusive=true)"),
  };

  readonly pluginTokenRefused = (why: string): void =>
    this.#log.warn(
      { err: why },
      "the plugin's kubeconfig holds the agent's own token, which ends with the agent's pod: give the plugin an account of its own",
    );

  readonly notCleaned = (why: unknown): void => this.#log.error({ err: describeError(why) }, 'something of ours is left on the node');

  readonly installReady = (isReady: boolean): void => {
    this.#telemetry.installReady.series([]).value = isReady ? 1 : 0;
  };

  /** Times an attempt at a pod. Once it has gone well there is no failure to remember, of pods that are gone either. */
  async worked(uid: string, step: string, work: () => Promise<void>): Promise<void> {
    const began = systemClock.monotonic();
    try {
      await work();
      this.#failures.delete(uid);
    } finally {
      if (step !== 'nothing') this.#telemetry.enrolTime.observe({}, (systemClock.monotonic() - began) / 1_000);
    }
  }

  ztunnels(connected: () => void) {
    const count = (n: number): void => {
      this.#telemetry.ztunnels.series([]).value = n;
    };
    return {
      connected: (n: number): void => {
        count(n);
        this.#log.info({ ztunnels: n }, 'a ztunnel is connected');
        connected();
      },
      disconnected: (n: number, why: string): void => {
        count(n);
        this.#log[n === 0 ? 'warn' : 'info']({ ztunnels: n, why }, 'a ztunnel is gone');
      },
      refusedInSnapshot: (uid: string, said: string): void =>
        this.#log.warn({ uid, said }, 'the ztunnel did not take a pod of the snapshot'),
    };
  }

  readonly discovery = {
    rejected: (uid: string, pid: number, why: string): void =>
      this.#log.debug({ uid, pid, why }, 'a process is no proof of where its pod lives'),
  };

  outsiders(teller: Pick<Teller, 'tell'>, shut: (ips: readonly Ip[]) => void): OutsiderPorts {
    /** False: it was told a moment ago. */
    const tell = (pod: Pod, news: Pick<Told, 'reason' | 'note' | 'type'>): boolean => {
      const isNews = this.#isNews(`${pod.uid} ${news.reason} ${news.note}`);
      if (isNews) teller.tell({ ...news, regarding: regarding(pod), action: 'Enrol' });
      return isNews;
    };
    return {
      shut,
      warn: (pod, obstacle, text) => {
        const isNews = tell(pod, { reason: 'NotEnrolled', note: `Not in the mesh (${obstacle}): ${text}`, type: 'Warning' });
        this.#log[isNews ? 'warn' : 'debug']({ ...names(pod), reason: obstacle, err: text }, 'the pod should be in the mesh and is not');
      },
      recovered: (pod, obstacle) => {
        const isNews = tell(pod, { reason: 'Enrolled', note: `In the mesh; before that: ${obstacle}`, type: 'Normal' });
        this.#log[isNews ? 'info' : 'debug']({ ...names(pod), reason: obstacle }, 'the pod is in the mesh again');
      },
    };
  }

  /** A pod that breaks its own rules in a loop floods neither the log nor the API server with Events. */
  #isNews(what: string): boolean {
    const now = systemClock.monotonic();
    for (const [key, at] of this.#told) if (now - at > sameEventAfter) this.#told.delete(key);
    if (this.#told.has(what)) return false;
    this.#told.set(what, now);
    return true;
  }

  collect(metrics: Metrics, outsiders: Outsiders, members: Members): void {
    metrics.collected({
      name: 'ambient_pods_not_enrolled',
      help: 'Pods of this node that should be in the mesh and are not, by reason.',
      kind: 'gauge',
      labels: ['reason'],
      read: () => Array.from(outsiders.byObstacle(), ([reason, count]) => [{ reason }, count] as const),
    });
    metrics.collected({
      name: 'ambient_pods_enrolled',
      help: 'Pods of this node that are in the mesh.',
      kind: 'gauge',
      labels: [],
      read: () => [[{}, [...members.values()].filter(({ isPending }) => !isPending).length] as const],
    });
  }

  readonly watch: WatchReport = {
    listed: (kind, { objects, took }) => this.#log.info({ kind: kind.plural, objects, took }, 'listed'),
    watching: (kind) => this.#log.debug({ kind: kind.plural }, 'watching'),
    ended: (kind, { why, wait, repeated }) => {
      if (why === undefined) return;
      this.#telemetry.watchErrors.series([kind.plural]).value++;
      if (!repeated) this.#log.warn({ kind: kind.plural, why: why.message, wait }, 'a watch ended; trying again');
    },
    absent: (kind) => this.#log.warn({ kind: kind.plural }, 'the API server does not know this kind; looking again every 10 s'),
    skipped: (kind, key) => this.#log.warn({ kind: kind.plural, key }, 'an object cannot be read and counts as absent'),
  };
}
