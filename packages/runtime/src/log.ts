// The log: targets with levels that can change while running, fields in a fixed order, spans as nested scopes.
// A disabled line costs one comparison. Lines go, without their newline, to `write` (log-output.ts in programs, an array in tests).
// Formats are in log/format.ts; what RUST_LOG may say in log/directives.ts.
import { MeshError } from './errors.ts';
import { type Directives, type Level, levelFor, parseDirectives, rankOf, show } from './log/directives.ts';
import { type Event, type Field, jsonLine, plainLine, plainScope, type Span } from './log/format.ts';
import { timestamps } from './log/timestamps.ts';
import type { Clock } from './time.ts';

export { type Level, logDirectives } from './log/directives.ts';
export { type Field, raw } from './log/format.ts';

export interface LogOptions {
  readonly format: 'plain' | 'json';
  /** As in RUST_LOG: `info`, `dns=debug,info`. Throws `log.bad-directives` if it cannot be read. */
  readonly directives: string;
  /** Takes one line without its newline; must not throw. */
  readonly write: (line: string) => void;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** The plain format leaves this prefix of targets away: `ztunnel::`. */
  readonly hiddenPrefix?: string;
}

export type LogFault = { readonly code: 'log.bad-directives'; readonly mistakes: readonly string[] };

type SomeLevel = Exclude<Level, 'off'>;
type Emit = (scope: Scope, level: SomeLevel, message: string, fields: readonly Field[]) => void;

/** The level of one target, shared by all of its scopes. */
interface Threshold {
  rank: number;
}

export class Log {
  readonly #thresholds = new Map<string, Threshold>();
  readonly #emit: Emit;
  readonly #hiddenPrefix: string;
  #directives: Directives;

  constructor(options: LogOptions) {
    this.#directives = readDirectives(options.directives);
    this.#hiddenPrefix = options.hiddenPrefix ?? '';
    this.#emit = emitter(options);
  }

  /** Targets are few and fixed in code; scopes with spans come from `Scope.span`. */
  for(target: string): Scope {
    let threshold = this.#thresholds.get(target);
    if (threshold === undefined) {
      threshold = { rank: rankOf(levelFor(this.#directives, target)) };
      this.#thresholds.set(target, threshold);
    }
    const shown = target.startsWith(this.#hiddenPrefix) ? target.slice(this.#hiddenPrefix.length) : target;
    return new Scope({ target, shown, spans: [], threshold, emit: this.#emit });
  }

  /** Canonical text of what is in force. */
  get directives(): string {
    return show(this.#directives);
  }

  /** Takes effect at once for every scope handed out. Throws `log.bad-directives` and changes nothing if it cannot be read. */
  set directives(text: string) {
    this.#directives = readDirectives(text);
    for (const [target, threshold] of this.#thresholds) threshold.rank = rankOf(levelFor(this.#directives, target));
  }
}

interface ScopeParts {
  readonly target: string;
  readonly shown: string;
  readonly spans: readonly Span[];
  readonly threshold: Threshold;
  readonly emit: Emit;
}

const noFields: readonly Field[] = [];
const ranks = { error: 1, warn: 2, info: 3, debug: 4, trace: 5 } as const satisfies Record<SomeLevel, number>;

/** What code logs through: a target and the spans around it. Cheap enough to make one per connection. */
export class Scope {
  readonly #parts: ScopeParts;
  #plain: string | undefined;

  constructor(parts: ScopeParts) {
    this.#parts = parts;
  }

  get target(): string {
    return this.#parts.target;
  }

  get spans(): readonly Span[] {
    return this.#parts.spans;
  }

  /** The scope as the plain format prints it; made at the first line. */
  get plain(): string {
    this.#plain ??= plainScope(this.#parts.shown, this.#parts.spans);
    return this.#plain;
  }

  /** Ask before computing fields that cost something. */
  enabled(level: SomeLevel): boolean {
    return ranks[level] <= this.#parts.threshold.rank;
  }

  /** A scope inside this one: its lines also show the span and its fields. */
  span(name: string, fields: readonly Field[] = noFields): Scope {
    return new Scope({ ...this.#parts, spans: [...this.#parts.spans, { name, fields }] });
  }

  error(message: string, fields: readonly Field[] = noFields): void {
    if (this.enabled('error')) this.#parts.emit(this, 'error', message, fields);
  }

  warn(message: string, fields: readonly Field[] = noFields): void {
    if (this.enabled('warn')) this.#parts.emit(this, 'warn', message, fields);
  }

  info(message: string, fields: readonly Field[] = noFields): void {
    if (this.enabled('info')) this.#parts.emit(this, 'info', message, fields);
  }

  debug(message: string, fields: readonly Field[] = noFields): void {
    if (this.enabled('debug')) this.#parts.emit(this, 'debug', message, fields);
  }

  trace(message: string, fields: readonly Field[] = noFields): void {
    if (this.enabled('trace')) this.#parts.emit(this, 'trace', message, fields);
  }
}

function emitter({ format, write, clock }: LogOptions): Emit {
  const time = timestamps(clock);
  return (scope, level, message, fields) => {
    const event: Event = { time: time(), level, target: scope.target, spans: scope.spans, message, fields };
    write(format === 'json' ? jsonLine(event) : plainLine(event, scope.plain));
  };
}

function readDirectives(text: string): Directives {
  const read = parseDirectives(text);
  if ('ok' in read) return read.ok;
  throw new MeshError<LogFault>({ code: 'log.bad-directives', mistakes: read.mistakes }, read.mistakes.join(' '));
}
