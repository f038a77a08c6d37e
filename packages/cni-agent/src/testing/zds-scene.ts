// A ZDS server on a real socket, what its agent knows, what it reports, and ztunnels by hand that come to it. The clock stands still.
// For tests of zds/. Any file may stand for a network namespace here.
// Dispose it: pods, ztunnels, the server and the socket's folder go with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, vi } from 'vitest';
import { type ZdsPod, ZdsServer } from '../zds/server.ts';
import { HandZtunnel } from './ztunnel.ts';

export const info = (name: string): ZdsPod['info'] => ({ name, namespace: 'n', serviceAccount: 's' });

export class Scene implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly clock = fakeClock();
  readonly folder = mkdtempSync(join(tmpdir(), 'zds-'));
  readonly path = join(this.folder, 'run', 'ztunnel.sock');
  /** What the agent knows. */
  readonly pods = new Map<string, ZdsPod>();
  readonly said: string[] = [];
  readonly server: ZdsServer;
  #entered = 0;

  constructor({ accepting = true } = {}) {
    this.#parts.defer(() => rmSync(this.folder, { recursive: true, force: true }));
    this.server = ZdsServer.listen(this.path, {
      uids: () => this.pods.keys(),
      pod: (uid) => this.pods.get(uid),
      clock: this.clock,
      report: {
        connected: (n) => void this.said.push(`connected ${n}`),
        disconnected: (n, why) => void this.said.push(`disconnected ${n}: ${why}`),
        refusedInSnapshot: (uid, said) => void this.said.push(`refused ${uid}: ${said}`),
      },
    });
    this.#parts.use(this.server);
    if (accepting) this.server.accept();
  }

  /** The agent knows it from now on; nobody is told. */
  know(uid: string, file = 'net'): ZdsPod & { readonly netns: Netns } {
    const netns = this.#parts.use(Netns.open(`/proc/self/ns/${file}`));
    const pod = { uid, info: info(uid), netns };
    this.pods.set(uid, pod);
    return pod;
  }

  add(uid: string, file?: string): Promise<void> {
    return this.server.add(this.know(uid, file));
  }

  del(uid: string): Promise<void> {
    this.pods.delete(uid);
    return this.server.del(uid);
  }

  /** One that is connected; not greeting. Lets the server accept it although others came just before. */
  async dial(): Promise<HandZtunnel> {
    const ztunnel = this.#parts.use(new HandZtunnel(this.path));
    if (this.#entered++ > 0) await this.clock.advance(ms(200));
    return ztunnel;
  }

  async greeting(): Promise<HandZtunnel> {
    const ztunnel = this.#parts.use(await HandZtunnel.greeting(this.path));
    if (this.#entered++ > 0) await this.clock.advance(ms(200));
    return ztunnel;
  }

  /** One that has its snapshot. */
  async join(): Promise<HandZtunnel> {
    const ztunnel = await this.greeting();
    const before = this.saying('connected').length;
    await ztunnel.snapshot();
    await vi.waitFor(() => expect(this.saying('connected').length).toBe(before + 1));
    return ztunnel;
  }

  /** All reports that begin so. */
  saying(begin: string): readonly string[] {
    return this.said.filter((line) => line.startsWith(begin));
  }

  async goes(ztunnel: HandZtunnel): Promise<void> {
    const before = this.saying('disconnected').length;
    ztunnel[Symbol.dispose]();
    await vi.waitFor(() => expect(this.saying('disconnected').length).toBe(before + 1));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

/** The code of the fault that the work ended with, or `done`. */
export const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (e: { fault?: { code: string } }) => e.fault?.code ?? e,
  );
