// The CNI agent's side of ZDS for tests: hands pods to a tunnel and waits for its answers. Runs over the same packet port as the tunnel.
// `packetPipe` is such a port in memory, for tests that need no kernel; with real sockets the same agent serves the lab's tests.
// Sends what it is told, right or wrong: it keeps no list of pods.
import type { ConnectPackets, PacketConnection, PacketHandlers } from '../zds/client.ts';
import { type PodInfo, readAck, readHello, writeRequest, type ZdsRequest } from '../zds/codec.ts';
import { Mailbox } from './mailbox.ts';

/** Sends a packet, with descriptors beside it. */
export interface AgentConnection {
  send(bytes: Uint8Array, fds: readonly number[]): void;
  close(): void;
}

/** One connection of a tunnel, from the agent's side. Give its `packet` and `closed` to whatever accepts connections. */
export class TestZdsAgent {
  readonly packets = new Mailbox<Uint8Array>();
  readonly #connection: AgentConnection;

  constructor(connection: AgentConnection) {
    this.#connection = connection;
  }

  packet(bytes: Uint8Array): void {
    this.packets.put(bytes);
  }

  closed(): void {
    this.packets.close();
  }

  /** The version in the tunnel's first packet. */
  async hello(): Promise<number> {
    const hello = readHello(await this.packets.take());
    if ('unreadable' in hello) throw new Error(hello.unreadable);
    return hello.version;
  }

  /** Resolves with the answer's error, empty if all went well. */
  add(uid: string, pod: PodInfo, netnsFd: number): Promise<string> {
    return this.ask({ is: 'add', uid, pod }, [netnsFd]);
  }

  keep(uid: string): Promise<string> {
    return this.ask({ is: 'keep', uid });
  }

  del(uid: string): Promise<string> {
    return this.ask({ is: 'del', uid });
  }

  snapshotSent(): Promise<string> {
    return this.ask({ is: 'snapshot-sent' });
  }

  ask(request: ZdsRequest, fds: readonly number[] = []): Promise<string> {
    return this.raw(writeRequest(request), fds);
  }

  async raw(bytes: Uint8Array, fds: readonly number[] = []): Promise<string> {
    this.#connection.send(bytes, fds);
    const ack = readAck(await this.packets.take());
    if ('unreadable' in ack) throw new Error(ack.unreadable);
    return ack.error;
  }

  close(): void {
    this.#connection.close();
  }
}

/** A port in memory, and the agents that it connects to. Descriptors pass as they are: they stay the test's. */
export function packetPipe(): { readonly connect: ConnectPackets; readonly agents: Mailbox<TestZdsAgent> } {
  const agents = new Mailbox<TestZdsAgent>();
  const connect: ConnectPackets = async (tunnel) => {
    let open = true;
    const close = (agent: TestZdsAgent): void => {
      if (!open) return;
      open = false;
      agent.closed();
      tunnel.closed();
    };
    const agent: TestZdsAgent = new TestZdsAgent({ send: (bytes, fds) => deliver(tunnel, bytes, fds), close: () => close(agent) });
    agents.put(agent);
    const connection: PacketConnection = {
      send(bytes) {
        if (!open) throw new Error('the agent has hung up');
        agent.packet(bytes);
      },
      close: () => close(agent),
    };
    return connection;
  };
  return { connect, agents };
}

/** A turn later, as a kernel would: the sender goes on before the receiver sees it. */
function deliver(to: PacketHandlers, bytes: Uint8Array, fds: readonly number[]): void {
  setImmediate(() => to.packet(bytes, fds));
}
