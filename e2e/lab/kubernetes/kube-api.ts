// The lab's Kubernetes API server: HTTPS in front of a store that outlives it. Stock kubectl and client libraries talk to it as to a real one.
// Started by the lab and by main.ts. Controllers, schedulers and nodes are separate clients, as in a real cluster.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { authenticate } from './auth/authenticate.ts';
import { type ClusterKeys, kubeconfigFor, newClusterKeys } from './auth/cluster-keys.ts';
import { ServiceAccountTokens } from './auth/service-account-tokens.ts';
import { KindRegistry } from './kinds/registry.ts';
import { ServiceAddresses } from './kinds/service-addresses.ts';
import type { PodRuntime } from './pod-runtime.ts';
import type { ServerParts } from './serve/context.ts';
import { Faults } from './serve/faults.ts';
import { page, publicPage } from './serve/pages.ts';
import { serveResource } from './serve/resources.ts';
import { respond, respondError } from './serve/respond.ts';
import { serveUpgrade } from './serve/upgrades.ts';
import { unauthorized } from './status-error.ts';
import { KubeStore } from './store/kube-store.ts';
import { createSystemObjects } from './system-objects.ts';

/** A descriptor is asked for anew at every start: closing the server closes it. */
export type Listen = { readonly ip: string; readonly port: number } | { readonly fd: () => number };

export interface KubeApiOptions {
  readonly listen: Listen;
  /** Default: a new and empty one. */
  readonly store?: KubeStore;
  readonly runtime?: PodRuntime;
  readonly clock?: Clock;
  /** IP addresses and names beyond loopback under which clients reach the server. */
  readonly addresses?: readonly string[];
  /** Ranges of Services' cluster IPs: the first is the default family. Default `10.96.0.0/16` and `fd00:10:96::/112`. */
  readonly serviceCidrs?: readonly string[];
}

/** Bytes: selectors may be long. */
const maxHeaderSize = 131_072;

const defaultServiceCidrs = ['10.96.0.0/16', 'fd00:10:96::/112'];

export class KubeApi implements AsyncDisposable {
  readonly store: KubeStore;
  readonly faults = new Faults();
  readonly keys: ClusterKeys;
  #parts: ServerParts;
  #listen: Listen;
  #running: { readonly server: Server; readonly connections: ReadonlySet<Duplex> } | undefined;

  private constructor({ listen, runtime, clock = systemClock, ...options }: KubeApiOptions) {
    this.store = options.store ?? new KubeStore();
    this.keys = newClusterKeys(clock, options.addresses ?? []);
    this.#listen = listen;
    this.#parts = {
      store: this.store,
      kinds: new KindRegistry(this.store),
      clock,
      serviceAddresses: new ServiceAddresses(this.store, options.serviceCidrs ?? defaultServiceCidrs),
      tokens: new ServiceAccountTokens(this.store, this.keys.tokens, clock),
      faults: this.faults,
      runtime,
      startedAt: 0,
    };
  }

  static async start(options: KubeApiOptions): Promise<KubeApi> {
    const api = new KubeApi(options);
    await api.start();
    return api;
  }

  /** After `stop`: the same objects, keys and port again. Watches from before are told 410, as by a real server. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    createSystemObjects(this.#parts);
    this.#parts = { ...this.#parts, startedAt: this.store.revision };
    const { certPem, keyPem } = this.keys.server;
    const tls = { cert: certPem, key: keyPem, ca: this.keys.caPem, requestCert: true, rejectUnauthorized: false };
    const server = createServer(
      { ...tls, keepAliveTimeout: 60_000, maxHeaderSize },
      (incoming, response) => void this.#serve(incoming, response),
    );
    const connections = new Set<Duplex>();
    server.on('connection', (socket) => {
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    // A client may go away in the middle of a handshake.
    server.on('tlsClientError', () => {});
    server.on('upgrade', (incoming, socket, head) => serveUpgrade(this.#parts, incoming, socket, head));
    server.listen('fd' in this.#listen ? { fd: this.#listen.fd() } : { host: this.#listen.ip, port: this.#listen.port });
    await once(server, 'listening');
    this.#running = { server, connections };
    // Port 0 becomes the port that it got, so that a restart is found again.
    if ('ip' in this.#listen) this.#listen = { ip: this.#listen.ip, port: this.port };
  }

  /** As if killed: every connection is cut. The store stays. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { server, connections } = this.#running;
    this.#running = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const connection of connections) connection.destroy();
    await closed;
  }

  /** 0 while stopped. */
  get port(): number {
    const address = this.#running?.server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** The administrator's. @param server default: `https://127.0.0.1:PORT` */
  kubeconfig(server = `https://127.0.0.1:${this.port}`): string {
    return kubeconfigFor(this.keys, server);
  }

  /** For components of the lab that mount tokens into pods. */
  get tokens(): ServiceAccountTokens {
    return this.#parts.tokens;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#parts.kinds[Symbol.dispose]();
  }

  /** Never rejects. */
  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    try {
      await this.faults.holdBack();
      const target = incoming.url ?? '/';
      const cut = target.indexOf('?');
      const path = cut < 0 ? target : target.slice(0, cut);
      const query = new URLSearchParams(cut < 0 ? '' : target.slice(cut + 1));
      const { method = 'GET', headers } = incoming;
      const { kinds, tokens } = this.#parts;
      const about = { method, path, accept: headers.accept, host: headers.host ?? '', kinds };
      const open = publicPage(about);
      if (open !== undefined) return respond(response, open);
      const user = authenticate(incoming, tokens);
      if (user === undefined) throw unauthorized();
      const reply = page(about) ?? (await serveResource({ server: this.#parts, user, method, path, query, incoming, response }));
      if (reply !== undefined) respond(response, reply);
    } catch (e) {
      respondError(response, e);
    }
  }
}
