// `install` and `upgrade`: the umbrella chart by the user's own helm, as the release `ambient`; without helm, its manifests to be applied.
// Values, waiting and rollback are helm's. Removal is uninstall.ts.
import { type Command, Option } from 'commander';
import { usage } from '../failure.ts';
import { defaultManifests, layOutCharts, renderedFor } from '../install/charts.ts';
import { defaultNamespace, hasHelm, releaseName, runHelm } from '../install/helm.ts';
import { type Globals, type Shell, warn } from '../shell.ts';

interface Options extends Globals {
  readonly set: readonly string[];
  readonly values: readonly string[];
  readonly dryRun: boolean;
  readonly wait: boolean;
  readonly timeout: string;
}

export function addInstall(program: Command, shell: Shell): void {
  options(program.command('install'), 'render the manifests, and change nothing')
    .description('installs the mesh by helm; without helm, prints its manifests')
    .action((_, command: Command) => install(shell, command.optsWithGlobals<Options>()));
}

export function addUpgrade(program: Command, shell: Shell): void {
  options(program.command('upgrade'), 'show what would be applied, and change nothing')
    .description('brings the mesh to the version of this program, or gives it other values; those that it has stay')
    .action((_, command: Command) => upgrade(shell, command.optsWithGlobals<Options>()));
}

const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const none: readonly string[] = [];
/** What helm takes for the cluster where it asks none depends on how it was built. */
const oldestKubernetes = '1.29.0';

const options = (command: Command, dryRun: string): Command =>
  command
    .addOption(
      new Option('--set <path=value>', 'a value of the charts, such as ztunnel.logLevel=debug; may be repeated')
        .argParser(several)
        .default(none, 'none'),
    )
    .addOption(new Option('-f, --values <file>', 'a file of values; may be repeated').argParser(several).default(none, 'none'))
    .option('--dry-run', dryRun, false)
    .option('--no-wait', 'return before all programs are ready')
    .option('--timeout <duration>', 'how long to wait', '5m');

/** What is said about values and about waiting. */
const chosen = ({ set, values }: Options): string[] => [
  ...values.flatMap((file) => ['--values', file]),
  ...set.flatMap((each) => ['--set', each]),
];
const waiting = ({ wait, timeout }: Options): string[] => (wait ? ['--wait', '--timeout', timeout] : []);

async function install(shell: Shell, given: Options): Promise<void> {
  if (!hasHelm(shell)) return printManifests(shell, given, 'install');
  using charts = layOutCharts();
  const where = [releaseName, charts.umbrella, '--namespace', given.namespace ?? defaultNamespace, ...chosen(given)];
  const how = given.dryRun
    ? ['template', ...where, '--kube-version', oldestKubernetes]
    : ['install', ...where, '--create-namespace', ...waiting(given)];
  await runHelm(shell, given, how);
}

async function upgrade(shell: Shell, given: Options): Promise<void> {
  if (!hasHelm(shell)) return printManifests(shell, given, 'upgrade');
  using charts = layOutCharts();
  const where = [releaseName, charts.umbrella, '--namespace', given.namespace ?? defaultNamespace, ...chosen(given)];
  const how = given.dryRun ? ['--dry-run=server'] : waiting(given);
  await runHelm(shell, given, ['upgrade', ...where, '--reset-then-reuse-values', ...how]);
}

function printManifests(shell: Shell, { set, values, namespace }: Options, verb: string): void {
  if (set.length > 0 || values.length > 0) throw usage('values need helm, which is not installed');
  if (namespace !== undefined && namespace !== renderedFor)
    throw usage(`another namespace than ${renderedFor} needs helm, which is not installed`);
  shell.print(defaultManifests());
  warn(
    shell,
    `helm is not installed: these are the manifests, and nothing was applied. To do so: ambientctl ${verb} | kubectl apply --server-side -f -`,
  );
}
