// Asks the proxies themselves for their counters, every two seconds as long as somebody looks at the graph, and keeps what windows need.
// Made by the programs with ports; asked by serve.ts. With a Prometheus there is no need for it (prometheus.ts).
// A proxy that does not answer costs its own figures and a warning, nothing else.
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { parseLabels, readExposition } from './exposition.ts';
import { type Cell, History, longest } from './history.ts';
import { type Family, families, type Measured, type Place, type Subject, subjectOf } from './series.ts';

/** A proxy that can be asked. */
export interface Target {
  /** `namespace/name` of its pod. */
  readonly id: string;
  /** For warnings: `ztunnel-abcde (node-1)`. */
  readonly title: string;
  /** Absent: a ztunnel. */
  readonly waypoint?: Place;
}

export interface CollectPorts {
  readonly targets: (signal: AbortSignal) => Promise<readonly Target[]>;
  /** The text of its metrics. The signal gives up. */
  readonly scrape: (target: Target, signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
}

/** What was measured in a window that ends now. */
export interface Measurement {
  readonly seconds: number;
  readonly measured: readonly Measured[];
  /** `namespace/name` of waypoints. */
  readonly waypoints: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

const every = ms(2_000);
const targetsEvery = ms(10_000);
/** Nobody has looked for so long: everything is forgotten, until somebody does. */
const unwatchedFor = ms(300_000);
const firstAnswerWithin = ms(3_000);
const scrapeTimeoutMs = 5_000;
const mostAtOnce = 16;
const mostSamples = 200_000;
const mostCells = 300_000;
const mostWarnings = 20;

interface Counter {
  readonly cell: Cell;
  /** As last told. */
  value: number;
  seenAt: Ms;
}

interface Series {
  readonly subject: Subject;
  readonly counters: Map<Family, Counter>;
}

interface Source {
  target: Target;
  /** By the text of their labels. */
  readonly series: Map<string, Series>;
  busy: boolean;
  startedAt: Ms;
  /** Of the last answer; undefined: none yet. */
  answeredAt: Ms | undefined;
  /** What is wrong with it, behind its title. */
  failure: string | undefined;
  goneAt: Ms | undefined;
}

const wanted: ReadonlySet<string> = new Set(families);
const isFamily = (name: string): name is Family => wanted.has(name);

export class Collector implements AsyncDisposable {
  readonly #ports: CollectPorts;
  readonly #history = new History();
  readonly #sources = new Map<string, Source>();
  readonly #stop = new AbortController();
  readonly #scrapes = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #started: Promise<void> = Promise.resolve();
  #askedAt = ms(0);
  #cells = 0;
  #targetsFailure: string | undefined;

  constructor(ports: CollectPorts) {
    this.#ports = ports;
  }

  /** The first one waits for the proxies, but not for long. */
  async measure(window: Ms): Promise<Measurement> {
    const { clock } = this.#ports;
    this.#askedAt = clock.monotonic();
    if (this.#running === undefined) {
      const started = Promise.withResolvers<void>();
      this.#started = started.promise;
      this.#running = this.#run(started.resolve).finally(() => {
        started.resolve();
        this.#running = undefined;
      });
    }
    await this.#started;
    const { covers, increaseOf } = this.#history.since(window, clock.monotonic());
    const sources = [...this.#sources.values()];
    return {
      seconds: covers < 1_000 ? 0 : covers / 1_000,
      measured: sources.flatMap((source) => measuredOf(source, increaseOf)),
      waypoints: new Set(sources.flatMap(({ target: { waypoint } }) => (waypoint === undefined ? [] : [waypoint.key]))),
      warnings: this.#warnings(sources),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await this.#running;
  }

  /** Never rejects. */
  async #run(started: () => void): Promise<void> {
    const { clock } = this.#ports;
    const { signal } = this.#stop;
    let targetsAt = clock.monotonic();
    try {
      const first = this.#findTargets().then(() => this.#settled());
      await Promise.race([first, clock.sleep(firstAnswerWithin, signal)]);
      this.#history.snapshot(clock.monotonic());
      started();
      while (clock.monotonic() - this.#askedAt < unwatchedFor) {
        await clock.sleep(every, signal);
        const now = clock.monotonic();
        this.#history.snapshot(now);
        if (now - targetsAt >= targetsEvery) {
          targetsAt = now;
          void this.#findTargets();
          this.#ageOut(now);
        }
        this.#pump();
      }
    } catch {
      // Stopped.
    }
    await this.#settled();
    this.#forget();
  }

  /** Never rejects. */
  async #findTargets(): Promise<void> {
    const { targets, clock } = this.#ports;
    try {
      const limited = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(scrapeTimeoutMs)]);
      const found = await targets(limited);
      this.#targetsFailure = undefined;
      const now = clock.monotonic();
      const ids = new Set(found.map(({ id }) => id));
      for (const source of this.#sources.values()) if (!ids.has(source.target.id)) source.goneAt ??= now;
      for (const target of found) {
        const known = this.#sources.get(target.id);
        if (known === undefined) this.#sources.set(target.id, newSource(target));
        else Object.assign(known, { target, goneAt: undefined });
      }
      this.#pump();
    } catch (e) {
      this.#targetsFailure = `the proxies cannot be listed: ${describeError(e)}`;
    }
  }

  /** Starts what is due, longest waiting first. */
  #pump(): void {
    if (this.#stop.signal.aborted) return;
    const now = this.#ports.clock.monotonic();
    const due = [...this.#sources.values()]
      .filter(({ busy, goneAt, startedAt }) => !busy && goneAt === undefined && now - startedAt >= every)
      .sort((a, b) => a.startedAt - b.startedAt);
    for (const source of due.slice(0, mostAtOnce - this.#scrapes.size)) {
      source.busy = true;
      source.startedAt = now;
      const scrape = this.#scrape(source).finally(() => {
        source.busy = false;
        this.#scrapes.delete(scrape);
        this.#pump();
      });
      this.#scrapes.add(scrape);
    }
  }

  /** Never rejects. */
  async #scrape(source: Source): Promise<void> {
    const limited = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(scrapeTimeoutMs)]);
    try {
      const text = await this.#ports.scrape(source.target, limited);
      this.#take(source, text);
    } catch (e) {
      source.failure = `does not answer: ${describeError(e)}`;
    }
  }

  #take(source: Source, text: string): void {
    const now = this.#ports.clock.monotonic();
    const isFirst = source.answeredAt === undefined;
    source.failure = undefined;
    const all = readExposition(text, wanted, mostSamples, (family, labels, value) => {
      if (!isFamily(family)) return;
      const series = seriesOf(source, labels);
      const counter = series?.counters.get(family);
      if (counter !== undefined) {
        this.#history.add(counter.cell, value >= counter.value ? value - counter.value : value);
        counter.value = value;
        counter.seenAt = now;
      } else if (series !== undefined && this.#cells < mostCells) {
        const cell = this.#history.allocate();
        this.#cells++;
        series.counters.set(family, { cell, value, seenAt: now });
        // What a proxy counted before we first asked it happened who knows when.
        if (!isFirst) this.#history.add(cell, value);
      }
    });
    if (!all || this.#cells >= mostCells) source.failure = 'tells more than is read here: some of it is missing';
    source.answeredAt = now;
  }

  #ageOut(now: Ms): void {
    for (const [id, source] of this.#sources) {
      for (const [labels, { counters }] of source.series) {
        for (const [family, { cell, seenAt }] of counters) {
          if (now - seenAt < longest) continue;
          counters.delete(family);
          this.#history.free(cell);
          this.#cells--;
        }
        if (counters.size === 0) source.series.delete(labels);
      }
      if (source.goneAt !== undefined && source.series.size === 0) this.#sources.delete(id);
    }
  }

  async #settled(): Promise<void> {
    while (this.#scrapes.size > 0) await Promise.all(this.#scrapes);
  }

  #forget(): void {
    this.#sources.clear();
    this.#history.clear();
    this.#cells = 0;
  }

  #warnings(sources: readonly Source[]): readonly string[] {
    const failing = sources.filter(({ failure, goneAt }) => failure !== undefined && goneAt === undefined);
    const all = failing.map(({ target, failure = '' }) => `${target.title} ${failure}`);
    if (this.#targetsFailure !== undefined) all.unshift(this.#targetsFailure);
    return all.length <= mostWarnings ? all : [...all.slice(0, mostWarnings), `and ${all.length - mostWarnings} more`];
  }
}

function newSource(target: Target): Source {
  const startedAt = ms(Number.NEGATIVE_INFINITY);
  return { target, series: new Map(), busy: false, startedAt, answeredAt: undefined, failure: undefined, goneAt: undefined };
}

/** Undefined: its labels cannot be read. */
function seriesOf({ series }: Source, labels: string): Series | undefined {
  const known = series.get(labels);
  if (known !== undefined) return known;
  const parsed = parseLabels(labels);
  if (parsed === undefined) return undefined;
  const made: Series = { subject: subjectOf(parsed), counters: new Map() };
  // A copy: a piece of the exposition would keep all of it.
  series.set(Buffer.from(labels).toString(), made);
  return made;
}

function measuredOf({ target, series, answeredAt, goneAt }: Source, increaseOf: (cell: Cell) => number): readonly Measured[] {
  const measured: Measured[] = [];
  for (const { subject, counters } of series.values()) {
    for (const [family, { cell, value, seenAt }] of counters) {
      const latest = goneAt === undefined && seenAt === answeredAt ? value : 0;
      measured.push({ family, subject, increase: increaseOf(cell), latest, by: target.waypoint });
    }
  }
  return measured;
}
