// `waypoint generate`: the Gateway as text, for those who keep their objects in files. Needs no cluster.
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Globals, Shell } from '../../shell.ts';
import { gatewayOf, type TrafficType } from './gateway.ts';
import { forOption, nameOption, revisionOption } from './options.ts';

interface Options extends Globals {
  readonly name: string;
  readonly for?: TrafficType;
  readonly revision?: string;
}

export function addGenerate(parent: Command, shell: Shell): void {
  parent
    .command('generate')
    .description('prints the Gateway of a waypoint (YAML, or -o json)')
    .addOption(nameOption())
    .addOption(forOption())
    .addOption(revisionOption('revision of the control plane that it is for'))
    .action((_, command: Command) => {
      const { name, namespace, revision, output, for: trafficType } = command.optsWithGlobals<Options>();
      const gateway = gatewayOf({ namespace, name, trafficType, revision });
      shell.print(output === 'json' ? `${JSON.stringify(gateway, undefined, 2)}\n` : stringify(gateway));
    });
}
