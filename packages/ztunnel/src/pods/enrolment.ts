// Enrols pods as the CNI agent announces them: connects the ZDS client to the agent's socket and to the data plane.
// What the protocol demands is wire/zds/session.ts.

import { SeqPacket } from '@ambient-mesh/host/seqpacket';
import { closeFd } from '@ambient-mesh/host/sockets';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Scope } from '@ambient-mesh/runtime/log';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Readiness } from '@ambient-mesh/runtime/readiness';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type ConnectPackets, ZdsClient } from '@ambient-mesh/wire/zds/client';
import type { ZdsView } from '@ambient-mesh/wire/zds/session';
import type { DataPlane } from '../dataplane/data-plane.ts';

export interface EnrolmentPorts {
  readonly socketPath: string;
  readonly plane: DataPlane;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Scope;
  readonly clock: Clock;
  readonly random: () => number;
}

const awaited = 'workload proxy manager';

export class Enrolment {
  readonly #ports: EnrolmentPorts;
  readonly #client: ZdsClient;
  readonly #started;
  readonly #stopped;
  #missing: Disposable | undefined;

  constructor(ports: EnrolmentPorts) {
    this.#ports = ports;
    const { metrics, log, readiness } = ports;
    this.#missing = readiness.expect(awaited);
    this.#started = metrics
      .counter('workload_manager_proxies_started_total', 'The total number of proxies that were started (unstable)', [])
      .series([]);
    this.#stopped = metrics
      .counter('workload_manager_proxies_stopped_total', 'The total number of proxies that were stopped (unstable)', [])
      .series([]);
    this.#gauge('workload_manager_active_proxy_count', 'The total number of proxies that are running (unstable).', 'up');
    this.#gauge('workload_manager_pending_proxy_count', 'The total number of proxies that could not be started yet (unstable).', 'pending');
    this.#client = new ZdsClient({
      connect: packetsOf(ports.socketPath),
      start: (pod, fd) => this.#start(pod.uid, pod.info, fd),
      stop: (uid) => this.#stop(uid),
      closeFd,
      ready: (ready) => this.#ready(ready),
      clock: ports.clock,
      random: ports.random,
      report: {
        connected: () => log.info(`connected to the CNI agent at ${ports.socketPath}`),
        disconnected: (why) => log.warn(`no CNI agent at ${ports.socketPath}: ${why}; trying again, enrolled pods stay served`),
        startFailed: (pod, why) => log.error(`cannot serve pod ${pod.info.namespace}/${pod.info.name}: ${why}; trying again`),
      },
    });
  }

  /** Until the signal aborts; pods stay enrolled. Throws `zds.protocol` when the agent breaks the protocol. */
  run(signal: AbortSignal): Promise<void> {
    return this.#client.run(signal);
  }

  pods(): Iterable<ZdsView> {
    return this.#client.pods();
  }

  async #start(uid: string, info: ZdsView['pod']['info'], fd: number): Promise<void> {
    const { plane } = this.#ports;
    try {
      await plane.send({ do: 'enrol', pod: uid, info, netnsFd: fd, role: 'pod' });
    } catch (e) {
      // Some threads may have succeeded.
      await plane.send({ do: 'remove', pod: uid });
      throw e;
    }
    // Every thread holds the namespace by a descriptor of its own now.
    closeFd(fd);
    this.#started.value += 1;
    this.#ports.log.info(`serving pod ${info.namespace}/${info.name}`);
  }

  async #stop(uid: string): Promise<void> {
    await this.#ports.plane
      .send({ do: 'remove', pod: uid })
      .catch((e: unknown) => this.#ports.log.error(`cannot stop serving pod ${uid}: ${describeError(e)}`));
    this.#stopped.value += 1;
  }

  #ready(ready: boolean): void {
    if (ready) this.#missing?.[Symbol.dispose]();
    else this.#missing = this.#ports.readiness.expect(awaited);
  }

  #gauge(name: string, help: string, state: ZdsView['state']): void {
    this.#ports.metrics.collected({
      name,
      help,
      kind: 'gauge',
      labels: [],
      read: () => [[{}, [...this.pods()].filter((p) => p.state === state).length]],
    });
  }
}

/** The agent's socket as the ZDS client wants it: packets pushed, sent in order. */
function packetsOf(path: string): ConnectPackets {
  return async (handlers, signal) => {
    const socket = SeqPacket.connect(path);
    const closing = new AbortController();
    const stop = AbortSignal.any([signal, closing.signal]);
    let sending = Promise.resolve();
    const fail = (e: unknown): void => (stop.aborted ? undefined : handlers.closed(e));
    void receiveAll()
      .catch(fail)
      .finally(() => socket[Symbol.dispose]());

    async function receiveAll(): Promise<void> {
      for (let packet = await socket.receive(stop); packet !== undefined; packet = await socket.receive(stop)) {
        handlers.packet(packet.bytes, packet.fd === undefined ? [] : [packet.fd]);
      }
      handlers.closed();
    }

    return {
      send: (bytes) => {
        sending = sending.then(() => socket.send(bytes, stop)).catch(fail);
      },
      close: () => {
        closing.abort(new Error('closed'));
        handlers.closed();
      },
    };
  };
}
