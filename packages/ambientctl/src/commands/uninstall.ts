// `uninstall`: takes the mesh away in the order in which nobody loses a connection by surprise: members, waypoints, programs, what these stood on,
// and what they made. By helm where helm has made it and is there; else object by object. Works without helm.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { keyText } from '@ambient-mesh/kube/kind';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Command } from 'commander';
import { openCluster } from '../cluster.ts';
import { failure } from '../failure.ts';
import { takeOut, whoIsEnrolled } from '../install/enrolled.ts';
import { defaultNamespace, hasHelm, runHelm } from '../install/helm.ts';
import {
  findDefinitions,
  findFoundations,
  findPods,
  findPrograms,
  findTraces,
  type Piece,
  pieceText,
  removePiece,
  rootSecret,
} from '../install/pieces.ts';
import type { Globals, Shell } from '../shell.ts';
import { gateways, listWaypoints, nameOf } from './waypoint/gateway.ts';
import { readDuration } from './waypoint/options.ts';

interface Options extends Globals {
  readonly takeOut: boolean;
  readonly purge: boolean;
  readonly dryRun: boolean;
  readonly timeout: string;
}

const askEvery = ms(500);

export function addUninstall(program: Command, shell: Shell): void {
  program
    .command('uninstall')
    .description('takes the mesh away: waypoints, programs, and what they made')
    .option('--take-out', 'take namespaces and pods out of the mesh first, rather than refuse while there are any', false)
    .option('--purge', "take the mesh's root and its definitions away too, and with these every policy and route", false)
    .option('--dry-run', 'say what would be removed, and change nothing', false)
    .option('--timeout <duration>', 'how long to wait for each step', '2m')
    .action((_, command: Command) => uninstall(shell, command.optsWithGlobals<Options>()));
}

async function uninstall(shell: Shell, options: Options): Promise<void> {
  const removal = new Removal(shell, options, readDuration(options.timeout));
  await using cluster = await openCluster(shell, options);
  const { client } = cluster;
  const [programs, traces] = await Promise.all([findPrograms(client, shell.signal), findTraces(client, shell.signal)]);
  if (programs.length === 0 && traces.length === 0) throw failure('no mesh is installed in this cluster');
  await removal.members(client);
  await removal.waypoints(client);
  await removal.installation(client, programs);
  await removal.traces(client);
  if (options.purge) await removal.purge(client);
  else if (!options.dryRun) shell.print('The root of the mesh and its definitions stay, with all policies and routes: see --purge.\n');
}

/** The steps, each of which leaves a mesh that a repetition can take away. */
class Removal {
  readonly #shell: Shell;
  readonly #options: Options;
  readonly #timeout: Ms;

  constructor(shell: Shell, options: Options, timeout: Ms) {
    this.#shell = shell;
    this.#options = options;
    this.#timeout = timeout;
  }

  /** Nobody is in the mesh afterwards. @throws when somebody is, and may not be taken out, or does not get out */
  async members(client: KubeClient): Promise<void> {
    const { signal } = this.#shell;
    const enrolled = await whoIsEnrolled(client, signal);
    const { namespaces, pods, redirected } = enrolled;
    if (namespaces.length + pods.length + redirected.length === 0) return;
    const named = [...namespaces.map(({ name }) => `namespace ${name}`), ...pods.map((pod) => `pod ${keyText(pod)}`)].join(', ');
    if (this.#options.dryRun) return this.#say(`${named} would be taken out of the mesh`);
    if (!this.#options.takeOut)
      throw failure(
        `pods would lose their connections, since the mesh still has members: ${named || `${redirected.length} pods`}; take the label istio.io/dataplane-mode off, or say --take-out`,
      );
    await takeOut(client, enrolled, (line) => this.#say(line), signal);
    let left = redirected;
    await this.#until(
      async () => {
        left = (await whoIsEnrolled(client, signal)).redirected;
        return left.length === 0;
      },
      () => `pods that do not get out of the mesh: ${left.map(keyText).join(', ')}; is the node agent of their nodes running?`,
    );
  }

  /** Their Deployments go with them: they own them. */
  async waypoints(client: KubeClient): Promise<void> {
    const found = await listWaypoints(client, '', this.#shell.signal).catch((e: unknown) => {
      if (statusOf(e instanceof Error ? e.cause : e) === 404) return [];
      throw e;
    });
    for (const each of found) {
      if (!this.#options.dryRun) await client.remove(gateways, each, { signal: this.#shell.signal });
      this.#removed(`waypoint ${nameOf(each)}`);
    }
  }

  async installation(client: KubeClient, programs: readonly Piece[]): Promise<void> {
    const { signal } = this.#shell;
    const foundations = await findFoundations(client, signal);
    if (hasHelm(this.#shell)) await this.#releases([...programs, ...foundations]);
    // What helm has removed is gone, and said by helm.
    await this.#pieces(client, await findPrograms(client, signal));
    let left: readonly Piece[] = [];
    const gone = async (): Promise<boolean> => {
      left = await findPods(client, signal);
      return left.length === 0;
    };
    if (!this.#options.dryRun) await this.#until(gone, () => `still there: ${left.map(pieceText).join(', ')}`);
    await this.#pieces(client, await findFoundations(client, signal));
  }

  /** After the control plane is gone: it would make them again. */
  async traces(client: KubeClient): Promise<void> {
    await this.#pieces(client, await findTraces(client, this.#shell.signal));
  }

  async purge(client: KubeClient): Promise<void> {
    const secret = rootSecret(this.#options.namespace ?? defaultNamespace);
    await this.#pieces(client, [secret, ...(await findDefinitions(client, this.#shell.signal))]);
  }

  /** In the order in which their programs were found: node programs first. */
  async #releases(pieces: readonly Piece[]): Promise<void> {
    const releases = new Map(pieces.flatMap(({ release }) => (release === undefined ? [] : [[keyText(release), release]])));
    for (const { namespace, name } of releases.values()) {
      if (this.#options.dryRun) this.#removed(`helm release ${namespace}/${name}`);
      else await runHelm(this.#shell, this.#options, ['uninstall', name, '--namespace', namespace, '--wait']);
    }
  }

  async #pieces(client: KubeClient, pieces: readonly Piece[]): Promise<void> {
    for (const piece of pieces) {
      if (this.#options.dryRun || (await removePiece(client, piece, this.#shell.signal))) this.#removed(pieceText(piece));
    }
  }

  async #until(holds: () => Promise<boolean>, otherwise: () => string): Promise<void> {
    const { clock, signal } = this.#shell;
    for (const end = clock.monotonic() + this.#timeout; !(await holds()); ) {
      if (clock.monotonic() >= end) throw failure(`after ${this.#options.timeout}: ${otherwise()}`);
      await clock.sleep(askEvery, signal);
    }
  }

  #removed(what: string): void {
    this.#say(`${what} ${this.#options.dryRun ? 'would be removed' : 'removed'}`);
  }

  #say(line: string): void {
    this.#shell.print(`${line}\n`);
  }
}
