// Leader election by a Lease: at most one of several processes acts at a time, and another takes over when it is gone.
// Used by programs that write to the cluster. Judges others by how long their lease has not changed for us, never by the times written into it.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { KubeClient } from './client.ts';
import type { Key } from './kind.ts';
import { type Lease, leases, released, takenBy } from './lease-record.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process, not only to this pod: whoever finds its own name in a lease is the leader. */
  readonly identity: string;
  readonly clock: Clock;
  /** Others may take over after so long without a renewal. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** The leader stands down after so long without a renewal. Default 10 s; the rest of the duration is for `lead` to stop. */
  readonly renewDeadlineMs?: number;
  /** Between attempts. Default 2 s. */
  readonly retryMs?: number;
  readonly report?: ElectionReport;
}

/** For log and metrics. Must not throw. `failed`: an attempt to take or to renew, of many. */
export type ElectionReport = (event: 'leading' | 'stood-down' | 'failed', why?: unknown) => void;

export type LeaseFault = { readonly code: 'lease.lost' };

/** Work that only the leader does; ends soon after its signal aborts. */
export type Lead = (signal: AbortSignal) => Promise<void>;

/** Attempts that a leader can afford to lose. */
const attemptsPerDeadline = 3;

export class LeaderElection {
  readonly #options: Required<LeaderElectionOptions>;
  readonly #key: Key;
  /** Our lease as the server last gave it to us; undefined when that may be out of date. */
  #own: Lease | undefined;
  /** Another's lease, and since when we see it unchanged, by our monotonic clock. */
  #seen = { version: '', since: 0 };
  /** By the monotonic clock; undefined when not leading. */
  #leadsUntil: number | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000, report: () => {}, ...options };
    this.#key = { namespace: options.namespace, name: options.name };
  }

  /** True only while nobody else can be; asks the clock, so that it holds in a process that was stopped for a while. */
  get isLeader(): boolean {
    return this.#leadsUntil !== undefined && this.#options.clock.monotonic() < this.#leadsUntil;
  }

  /**
   * Competes until the signal aborts, calling `lead` each time it wins. `lead`'s signal aborts when leadership is lost or given up. When `lead`
   * returns by itself, leadership is given up and competed for again; when it rejects, `run` rejects too. The lease is released in every case
   * but loss, once `lead` has ended.
   */
  async run(lead: Lead, signal: AbortSignal): Promise<void> {
    const { clock, retryMs } = this.#options;
    while (!signal.aborted) {
      if ((await this.#attempt(signal)) === 'held') await this.#lead(lead, signal);
      await clock.sleep(ms(retryMs), signal).catch(() => {});
    }
  }

  async #lead(lead: Lead, signal: AbortSignal): Promise<void> {
    const { report } = this.#options;
    const stop = new AbortController();
    const leading = AbortSignal.any([signal, stop.signal]);
    report('leading');
    const renewing = this.#keepRenewing(stop, leading);
    try {
      await lead(leading);
    } catch (e) {
      // Work that is told to stop may say so by rejecting.
      if (!leading.aborted) throw e;
    } finally {
      const isLost = stop.signal.aborted;
      stop.abort();
      await renewing;
      this.#leadsUntil = undefined;
      report('stood-down', isLost ? stop.signal.reason : undefined);
      if (!isLost) await this.#release();
    }
  }

  /** Until `leading` aborts, which it does itself (`stop`) when the lease is somebody else's, or may soon be. */
  async #keepRenewing(stop: AbortController, leading: AbortSignal): Promise<void> {
    const { clock, retryMs } = this.#options;
    const { namespace, name } = this.#key;
    const lose = (): void =>
      stop.abort(new MeshError<LeaseFault>({ code: 'lease.lost' }, `the lease ${namespace}/${name} was not renewed in time`));
    const untilLost = (): Disposable => clock.after(ms((this.#leadsUntil ?? 0) - clock.monotonic()), lose);
    let timer = untilLost();
    while (!leading.aborted) {
      await clock.sleep(ms(retryMs), leading).catch(() => {});
      const attempt = leading.aborted ? 'failed' : await this.#attempt(leading);
      if (attempt === 'other') lose();
      if (attempt !== 'held') continue;
      timer[Symbol.dispose]();
      timer = untilLost();
    }
    timer[Symbol.dispose]();
  }

  /** Takes the lease or renews it, if that is ours to do. */
  async #attempt(signal: AbortSignal): Promise<'held' | 'other' | 'failed'> {
    const { client, clock, identity, leaseDurationMs, renewDeadlineMs, report } = this.#options;
    const options = { signal, timeout: ms(renewDeadlineMs / attemptsPerDeadline) };
    const began = clock.monotonic();
    try {
      const current = this.#own ?? (await client.get(leases, this.#key, options));
      if (current !== undefined && !this.#mayTake(current)) return 'other';
      this.#own = undefined;
      const body = takenBy({ identity, duration: ms(leaseDurationMs), now: clock.now() }, current);
      const raw = await (current === undefined
        ? client.create(leases, this.#key, body, options)
        : client.replace(leases, this.#key, body, options));
      this.#own = leases.narrow(raw);
      // From before the request: others count from when they see its effect, which is later.
      this.#leadsUntil = began + renewDeadlineMs;
      return 'held';
    } catch (e) {
      this.#own = undefined;
      if (!signal.aborted) report('failed', e);
      return 'failed';
    }
  }

  #mayTake({ version, holder, duration }: Lease): boolean {
    const { clock, identity, leaseDurationMs } = this.#options;
    if (holder === '' || holder === identity) return true;
    const now = clock.monotonic();
    if (version !== this.#seen.version) this.#seen = { version, since: now };
    return now - this.#seen.since >= (duration ?? leaseDurationMs);
  }

  /** Best effort: whoever does not hear of it waits until the lease has run out. */
  async #release(): Promise<void> {
    const { client, clock, identity, retryMs } = this.#options;
    const options = { timeout: ms(retryMs) };
    try {
      const lease = this.#own ?? (await client.get(leases, this.#key, options));
      if (lease?.holder === identity) await client.replace(leases, this.#key, released(lease, clock.now()), options);
    } catch {
      // It runs out by itself.
    } finally {
      this.#own = undefined;
    }
  }
}
