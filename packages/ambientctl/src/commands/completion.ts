// `ambientctl completion SHELL`: a script that completes commands, options and their values, made from the command line as it is.
import { Argument, type Command } from 'commander';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { type CommandShape, shapeOf } from '../completion/tree.ts';
import { zshScript } from '../completion/zsh.ts';
import type { Shell } from '../shell.ts';

const scripts: Readonly<Record<string, (program: CommandShape) => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function addCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .description('prints a script by which a shell completes what is typed')
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(scripts)))
    .action((name: string) => shell.print(scripts[name]?.(shapeOf(program)) ?? ''));
}
