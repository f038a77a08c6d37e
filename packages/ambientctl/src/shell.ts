// What a command has of the terminal it was typed in, and the options that every command takes.
// Made by main.ts for the real one and by tests for theirs; commands touch nothing of the process beside it.
import type { Clock } from '@ambient-mesh/runtime/time';

/** The forms that an answer may take; `short` is another name of `table`, for those who are used to it. */
export const formats = ['table', 'json', 'yaml', 'short'] as const;
export type Format = (typeof formats)[number];

export interface Shell {
  /** To stdout: what was asked for. */
  readonly print: (text: string) => void;
  /** To stderr: warnings and failures. */
  readonly complain: (text: string) => void;
  /** Whether a person looks at stdout. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

/** As commander reads them: absent when they were not given. */
export interface Globals {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly output: Format;
}

/** Something that the user should know, but that stops nothing. */
export const warn = (shell: Shell, text: string): void => shell.complain(`warning: ${text}\n`);
