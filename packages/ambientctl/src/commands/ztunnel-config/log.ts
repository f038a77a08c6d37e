// `ztunnel-config log`: shows and changes what ztunnels log, while they run. Without a pod or a node: all of them.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { askAdmin } from '../../admin-page.ts';
import { openCluster } from '../../cluster.ts';
import { failure, usage } from '../../failure.ts';
import { show } from '../../output.ts';
import type { Shell } from '../../shell.ts';
import { addPodOptions, noneFound, type PodOptions, ztunnelPods } from './source.ts';

interface Options extends PodOptions {
  readonly level?: string;
  readonly reset: boolean;
}

export function addLog(parent: Command, shell: Shell): void {
  const command = parent.command('log').alias('o').description('shows and changes what ztunnels log');
  command
    .addOption(new Option('--level <levels>', 'level, or scope:level,…: error, warn, info, debug, trace, off').argParser(readLevels))
    .addOption(new Option('-r, --reset', 'back to the levels of the start').default(false));
  addPodOptions(command).action((pod: string | undefined) => log(shell, pod, command.optsWithGlobals<Options>()));
}

/** As the admin page reads them: `scope=level,…`. */
function readLevels(text: string): string {
  const levels = text.split(',').map((each) => each.trim());
  if (!levels.every((each) => /^([\w:.-]+[:=])?(error|warn|warning|info|debug|trace|off)$/.test(each)))
    throw new InvalidArgumentError('It is neither a level nor a list of scope:level.');
  return levels.map((each) => each.replace(/[:=](\w+)$/, '=$1').replace(/\bwarning$/, 'warn')).join(',');
}

async function log(shell: Shell, pod: string | undefined, options: Options): Promise<void> {
  const { node, level, reset, proxyAdminPort: port, output } = options;
  if (pod !== undefined && node !== undefined) throw usage('say one of a pod and --node');
  if (level !== undefined && reset) throw usage('say one of --level and --reset');
  await using cluster = await openCluster(shell, options);
  const ztunnels = await ztunnelPods(cluster, pod, options, shell.signal);
  if (ztunnels.length === 0) throw failure(noneFound(options));
  const path = reset ? '/logging?reset' : level === undefined ? '/logging' : `/logging?level=${encodeURIComponent(level)}`;
  const items: { readonly pod: string; readonly levels: string }[] = [];
  for (const { namespace, name } of ztunnels) {
    const said = await askAdmin(cluster.client, { namespace, name }, { port, method: 'POST', path }, shell.signal);
    items.push({ pod: `${name}.${namespace}`, levels: said.trim().replace(/^current log level is /, '') });
  }
  show(shell, output, { columns: ['POD', 'LEVELS'], rows: items.map(({ pod, levels }) => [pod, levels]), items });
}
