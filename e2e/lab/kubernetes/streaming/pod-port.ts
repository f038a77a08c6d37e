// What streams into a pod need of whoever runs it: commands with their channels, connections to ports. Protocols end here.
// A port of the other files of this folder; the lab's kubelets implement it.
import type { Duplex, Readable, Writable } from 'node:stream';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A command under way in a container, or the container itself for `attach`. */
export interface CommandSession {
  /** Undefined when it was not asked for. */
  readonly stdin: Writable | undefined;
  /** All output, when there is a terminal. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Without a terminal: nothing happens. */
  readonly resize: (size: TerminalSize) => void;
  /** 128 and the number of the signal when one ended it. */
  readonly exitCode: Promise<number>;
  /** Nobody listens any longer. */
  readonly hangUp: () => void;
}

export interface CommandOrder {
  /** Empty: the pod's first. */
  readonly container: string;
  /** Empty for `attach`. */
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface PodPort {
  /** For messages. */
  readonly name: string;
  /** @throws StatusError when the container does not run. */
  exec(order: CommandOrder): CommandSession;
  /** Output from now on, and input if the container takes any. @throws StatusError when the container does not run. */
  attach(order: CommandOrder): CommandSession;
  /** A connection to a port of the pod's loopback, under way: it fails as sockets do. */
  connect(port: number): Duplex;
}
