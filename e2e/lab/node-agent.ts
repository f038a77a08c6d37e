// Stands in for the CNI agent of one node: listens on the ZDS socket, tells each ztunnel of the enrolled pods, passes their namespaces.
// Several ztunnels may be connected, as in an upgrade: additions go to the newest, removals to all.
// Used by node.ts. What the messages do at the other end is the ztunnel's.

import { type SeqPacket, SeqPacketListener } from '@ambient-mesh/host/seqpacket';
import { WorkloadRequestSchema, WorkloadResponseSchema, ZdsHelloSchema } from '@ambient-mesh/wire/messages/zds_pb';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Pod } from './pod.ts';

/** What the stand-in needs to know of a pod, wherever the pod comes from. */
export type EnrolledPod = Pick<Pod, 'uid' | 'name' | 'namespace' | 'serviceAccount' | 'netns'>;

type Payload = NonNullable<MessageInitShape<typeof WorkloadRequestSchema>['payload']>;

const answerMs = 10_000;

/** One connected ztunnel; requests are strictly one at a time. */
class Peer {
  readonly #socket: SeqPacket;
  #last: Promise<unknown> = Promise.resolve();

  constructor(socket: SeqPacket) {
    this.#socket = socket;
  }

  /** The text of the acknowledgement: empty when all is well; undefined when the connection has ended. */
  ask(payload: Payload, netnsFd?: number): Promise<string | undefined> {
    const asked = this.#last.then(() => this.#exchange(payload, netnsFd)).catch(() => undefined);
    this.#last = asked;
    return asked;
  }

  async #exchange(payload: Payload, netnsFd: number | undefined): Promise<string | undefined> {
    const signal = AbortSignal.timeout(answerMs);
    const bytes = toBinary(WorkloadRequestSchema, create(WorkloadRequestSchema, { payload }));
    await this.#socket.send(bytes, signal, netnsFd === undefined ? [] : [netnsFd]);
    const answer = await this.#socket.receive(signal);
    if (answer === undefined) return undefined;
    const { payload: ack } = fromBinary(WorkloadResponseSchema, answer.bytes);
    return ack.case === 'ack' ? ack.value.error : 'not an ack';
  }

  async hello(): Promise<boolean> {
    const packet = await this.#socket.receive(AbortSignal.timeout(answerMs));
    return packet !== undefined && fromBinary(ZdsHelloSchema, packet.bytes).version === 1;
  }

  close(): void {
    this.#socket[Symbol.dispose]();
  }
}

export class NodeAgent implements AsyncDisposable {
  /** What `INPOD_UDS` should say. */
  readonly path: string;
  readonly #listener: SeqPacketListener;
  readonly #stop: AbortController = new AbortController();
  readonly #accepting: Promise<void>;
  readonly #pods: Map<string, EnrolledPod> = new Map();
  /** Oldest first. */
  readonly #peers: Peer[] = [];
  /** Acknowledgements of failure, as `uid: text`, in order. */
  readonly failures: string[] = [];

  private constructor(path: string) {
    this.path = path;
    this.#listener = SeqPacketListener.listen(path);
    this.#accepting = this.#accept();
  }

  static async start(path: string): Promise<NodeAgent> {
    return new NodeAgent(path);
  }

  /** Hands the pod to the newest ztunnel, if there is one; later ones get it with their snapshot. Throws when the ztunnel says no. */
  async enrol(pod: EnrolledPod): Promise<void> {
    this.#pods.set(pod.uid, pod);
    const error = await this.#withNewest((peer) => addTo(peer, pod));
    if (error !== undefined && error !== '') throw new Error(`the ztunnel refused ${pod.uid}: ${error}`);
  }

  /** Tells every ztunnel that the pod is gone. */
  async remove(pod: EnrolledPod): Promise<void> {
    this.#pods.delete(pod.uid);
    await Promise.all(this.#peers.map((peer) => peer.ask({ case: 'del', value: { uid: pod.uid } })));
  }

  async #withNewest(ask: (peer: Peer) => Promise<string | undefined>): Promise<string | undefined> {
    for (let peer = this.#peers.at(-1); peer !== undefined; peer = this.#peers.at(-1)) {
      const error = await ask(peer);
      if (error !== undefined) return error;
      this.#drop(peer);
    }
    return undefined;
  }

  #drop(peer: Peer): void {
    peer.close();
    this.#peers.splice(this.#peers.indexOf(peer), 1);
  }

  async #accept(): Promise<void> {
    for (;;) {
      const socket = await this.#listener.accept(this.#stop.signal).catch(() => undefined);
      if (socket === undefined) return;
      const peer = new Peer(socket);
      if (!(await peer.hello().catch(() => false))) peer.close();
      else await this.#snapshot(peer);
    }
  }

  async #snapshot(peer: Peer): Promise<void> {
    this.#peers.push(peer);
    for (const pod of this.#pods.values()) {
      const error = await addTo(peer, pod);
      if (error !== '') this.failures.push(`${pod.uid}: ${error ?? 'the connection ended'}`);
    }
    await peer.ask({ case: 'snapshotSent', value: {} });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#listener[Symbol.dispose]();
    for (const peer of this.#peers.splice(0)) peer.close();
    await this.#accepting;
  }
}

const addTo = (peer: Peer, pod: EnrolledPod): Promise<string | undefined> =>
  peer.ask(
    {
      case: 'add',
      value: { uid: pod.uid, workloadInfo: { name: pod.name, namespace: pod.namespace, serviceAccount: pod.serviceAccount } },
    },
    pod.netns.fd,
  );
