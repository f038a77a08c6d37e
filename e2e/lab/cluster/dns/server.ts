// The cluster's DNS: answers pods over UDP and TCP at the address that their resolv.conf names. One for the whole lab, made by lab-cluster.ts.
// What it says is reply.ts; nothing is forwarded, so nothing leaves the lab.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Netns } from '@ambient-mesh/host/netns';
import { listenTcp, udpSocket } from '@ambient-mesh/host/sockets';
import type { Ip } from '@ambient-mesh/model/address';
import type { ClusterNames } from './answers.ts';
import { replyTo } from './reply.ts';

const longestQuery = 4_096;
const idleMs = 5_000;

export class ClusterDns implements AsyncDisposable {
  readonly #udp: UdpSocket[] = [];
  readonly #tcp: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #names: ClusterNames;

  private constructor(names: ClusterNames) {
    this.#names = names;
  }

  static async start(netns: Netns, ips: readonly Ip[], names: ClusterNames): Promise<ClusterDns> {
    const server = new ClusterDns(names);
    for (const ip of ips) {
      server.#listenUdp(netns, ip);
      await server.#listenTcp(netns, ip);
    }
    return server;
  }

  #listenUdp(netns: Netns, ip: Ip): void {
    const fd = udpSocket({ netns, ip, port: 53, reusePort: false });
    const socket = createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4' });
    this.#udp.push(socket);
    socket.on('error', () => {});
    socket.on('message', (query, from) => {
      const answer = replyTo(this.#names, query, 'udp');
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
    });
    socket.bind({ fd });
  }

  async #listenTcp(netns: Netns, ip: Ip): Promise<void> {
    const { fd } = listenTcp({ netns, ip, port: 53, reusePort: false, mark: undefined, transparent: 'off' });
    const server = createServer((socket) => this.#serve(socket)).listen({ fd });
    this.#tcp.push(server);
    await once(server, 'listening');
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => {}).on('close', () => this.#open.delete(socket));
    let got = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length > longestQuery) return void socket.destroy();
      while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
        const end = 2 + got.readUInt16BE(0);
        const answer = replyTo(this.#names, got.subarray(2, end), 'tcp');
        got = got.subarray(end);
        if (answer === undefined) return void socket.destroy();
        socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 255), answer]));
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    const closed = [...this.#udp, ...this.#tcp].map((each) => once(each, 'close'));
    for (const each of [...this.#udp, ...this.#tcp]) each.close();
    await Promise.all(closed);
  }
}
