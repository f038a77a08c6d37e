// Opens what a request or connection to an endpoint runs over: a stream in a tunnel of the mesh, or a TCP connection where the endpoint has no tunnel.
// Called by links.ts for HTTP connections and by tcp/ for raw ones. Tunnels are pooled (wire/hbone), under this waypoint's own identity.
import { randomFillSync } from 'node:crypto';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { TlsPolicy } from '@ambient-mesh/identity/tls-context';
import { familyOf, formatSocket, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import type { Service } from '@ambient-mesh/model/service';
import { parseSpiffeId, type SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import { makeTraceparent } from '@ambient-mesh/wire/hbone/connect-request';
import { TunnelPool } from '@ambient-mesh/wire/hbone/tunnel-pool';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import { connectSocket, connectTcp } from '@ambient-mesh/wire/tcp-dial';
import { baggageOf } from '@ambient-mesh/wire/workload-baggage';
import type { Names } from './names.ts';

export interface DialPorts {
  readonly clock: Clock;
  readonly memory: ReadMemory;
  readonly tls: TlsPolicy;
  readonly identity: SpiffeId;
  readonly credentials: () => Promise<Credentials>;
  readonly self: () => Workload;
  readonly names: Names;
  /** 0 <= x < 1. */
  readonly random: () => number;
}

export interface Wanted {
  readonly workload: Workload;
  readonly port: number;
  readonly service: Service | undefined;
  readonly connectTimeoutMs: number;
}

export type DialFault = { readonly code: 'dial.no-address' };

/** Port of every node's tunnel listener. */
const hbonePort = 15_008;
const chance = Buffer.alloc(24);

export class Dialler implements Disposable {
  readonly #ports: DialPorts;
  readonly #pool: TunnelPool;

  constructor(ports: DialPorts) {
    this.#ports = ports;
    const { clock, tls, memory } = ports;
    this.#pool = new TunnelPool(
      { dial: (to, signal) => connectSocket({ to, clock }, signal), credentialsFor: () => ports.credentials(), clock },
      { policy: tls, memory, idleMs: 3_600_000 },
    );
  }

  /** The workload moved, changed or went: its tunnels take no new streams. */
  forget(uid: string): void {
    this.#pool.forgetWorkload(uid);
  }

  /** @throws the faults of wire's tunnel pool and tcp-dial, MeshError<DialFault>, or the signal's reason. */
  async open({ workload, port, service, connectTimeoutMs }: Wanted, signal: AbortSignal): Promise<Conduit> {
    const { clock, memory } = this.#ports;
    const ip = await this.#addressOf(workload, service, signal);
    const limit = AbortSignal.timeout(connectTimeoutMs);
    const stop = AbortSignal.any([signal, limit]);
    if (workload.protocol === 'TCP') return connectTcp({ to: { ip, port }, clock, memory, timeoutMs: connectTimeoutMs }, stop);
    const self = this.#ports.self();
    const own = self.addresses.find((each) => familyOf(each) === familyOf(ip)) ?? ip;
    const target = {
      source: this.#ports.identity,
      sourceIp: own,
      expected: identitiesOf(workload, service),
      to: { ip, port: hbonePort },
      workload: workload.uid,
    };
    const request = {
      authority: formatSocket({ ip, port }),
      baggage: baggageOf(self),
      client: { ip: own, port: 0 },
      ...(service !== undefined && { service: service.hostname }),
      traceparent: makeTraceparent(randomFillSync(chance)),
    };
    return this.#pool.connect(target, request, stop);
  }

  /** In clear, to an address that is in nobody's map: services that let everything pass. */
  openAddress(to: SocketAddress, connectTimeoutMs: number, signal: AbortSignal): Promise<Conduit> {
    const { clock, memory } = this.#ports;
    return connectTcp({ to, clock, memory, timeoutMs: connectTimeoutMs }, signal);
  }

  [Symbol.dispose](): void {
    this.#pool.close();
  }

  async #addressOf(workload: Workload, service: Service | undefined, signal: AbortSignal): Promise<Ip> {
    const families = service?.ipFamilies ?? 'Dual';
    const allowed =
      families === 'Dual' ? workload.addresses : workload.addresses.filter((ip) => familyOf(ip) === (families === 'IPv4' ? 4 : 6));
    const own = this.#ports.self().addresses[0];
    const [first] = allowed;
    const like = allowed.find((ip) => own !== undefined && familyOf(ip) === familyOf(own)) ?? first;
    if (like !== undefined) return like;
    const { hostname } = workload;
    const records = hostname === '' ? [] : await this.#ports.names.resolve(hostname, signal);
    const record = records[Math.floor(this.#ports.random() * records.length)];
    if (record !== undefined) return record;
    throw new MeshError<DialFault>({ code: 'dial.no-address' }, `${hostname || workload.uid} has no address that may be used`);
  }
}

function identitiesOf({ identity }: Workload, service: Service | undefined): readonly SpiffeId[] {
  const more = (service?.subjectAltNames ?? []).flatMap((name) => parseSpiffeId(name) ?? []);
  return [identity, ...more.filter(({ uri }) => uri !== identity.uri)];
}
