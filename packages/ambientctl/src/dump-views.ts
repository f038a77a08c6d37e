// Views of a proxy's config_dump as commands: each shows one part of a dump, and `all` shows them one after the other.
// Used by ztunnel-config and by waypoint config, whose views are pure functions in files of their own; where a dump comes from is the source's affair.
import type { Ms } from '@ambient-mesh/runtime/time';
import { type Command, Option } from 'commander';
import { type Answer, show } from './output.ts';
import type { Globals, Shell } from './shell.ts';

/** `D`: the dump as it was read; `F`: the flags of all views, of which each reads those that its own options fill. */
export interface View<D, F> {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly about: string;
  readonly options: readonly Option[];
  readonly answer: (dump: D, flags: F, now: Ms) => Answer;
}

/** `O`: what says which proxy, or file. */
export interface DumpSource<D, O extends Globals> {
  /** Adds the argument and the options. */
  readonly offer: (command: Command) => Command;
  readonly read: (shell: Shell, target: string | undefined, options: O) => Promise<D>;
}

/** Flags are all optional: `all` asks with none. */
export function addViews<D extends { readonly whole: unknown }, F extends object, O extends Globals>(
  parent: Command,
  shell: Shell,
  views: readonly View<D, Partial<F>>[],
  source: DumpSource<D, O>,
): void {
  for (const view of views) {
    const command = parent.command(view.name).aliases(view.aliases).description(view.about);
    for (const option of view.options) command.addOption(option);
    source.offer(command).action(async (target: string | undefined) => {
      const options = command.optsWithGlobals<O & Partial<F>>();
      const dump = await source.read(shell, target, options);
      show(shell, options.output, view.answer(dump, options, shell.clock.now()));
    });
  }
  addAll(parent, shell, views, source);
}

function addAll<D extends { readonly whole: unknown }, F extends object, O extends Globals>(
  parent: Command,
  shell: Shell,
  views: readonly View<D, Partial<F>>[],
  source: DumpSource<D, O>,
): void {
  const command = parent.command('all').description('all of the above; as JSON or YAML, the whole dump');
  command.addOption(new Option('--with-headers', 'a heading above each table').default(false));
  source.offer(command).action(async (target: string | undefined) => {
    const options = command.optsWithGlobals<O & { readonly withHeaders: boolean }>();
    const dump = await source.read(shell, target, options);
    if (options.output === 'json' || options.output === 'yaml') {
      show(shell, options.output, { columns: [], rows: [], items: dump.whole });
      return;
    }
    views.forEach((view, at) => {
      if (at > 0) shell.print('\n');
      if (options.withHeaders) shell.print(`${view.name.toUpperCase()}\n`);
      show(shell, options.output, view.answer(dump, {}, shell.clock.now()));
    });
  });
}

/** What is not asked for is not looked at. */
export const isWanted = (wanted: string | undefined, got: string): boolean => wanted === undefined || wanted === got;
