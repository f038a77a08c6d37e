// Starts one container of a pod: looks up what its image means, lays out its files, and runs its command in the pod's network.
// Called by pod-run.ts for every start; what is wrong with the specification is a StartFailure, and tried again.
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Netns } from '@ambient-mesh/host/netns';
import type { NodeRoot } from '../node-root.ts';
import type { Container, Pod } from '../objects.ts';
import { ContainerProcess } from './container-process.ts';
import { StartFailure } from './container-run.ts';
import { argvOf, environmentOf, hostnameOf, type PodPlace, type Sources } from './environment.ts';
import { findImage, type Images } from './images.ts';
import type { LogBuffer } from './log-buffer.ts';
import { type Mount, planContainerRoot } from './mounts.ts';

const repository = realpathSync(join(import.meta.dirname, '../../../..'));

export interface StartOrder {
  readonly pod: Pod;
  readonly container: Container;
  readonly netns: Netns;
  readonly place: PodPlace;
  readonly sources: Sources;
  readonly mounts: readonly Mount[];
  readonly podFolder: string;
  /** Of the node. */
  readonly root: NodeRoot;
  readonly cgroup: string;
  readonly images: Images;
  readonly env: Readonly<Record<string, string>>;
  /** Content of /etc/resolv.conf; undefined: the machine's. */
  readonly resolvConf: string | undefined;
  readonly log: LogBuffer;
}

export function startContainer(order: StartOrder): ContainerProcess {
  const { pod, container, place, sources, root, cgroup, log, netns, resolvConf } = order;
  const image = findImage(order.images, container.image);
  if (image === undefined)
    throw new StartFailure('ErrImagePull', `the lab has no image ${JSON.stringify(container.image)}: nothing is ever pulled`);
  const env = environmentOf({ pod, container, place, sources, image, base: order.env });
  const argv = argvOf(container, image, env);
  const folder = join(order.podFolder, 'containers', container.name);
  rmSync(folder, { recursive: true, force: true });
  const mounts = [...order.mounts];
  // Images are commands in this repository: a volume at a folder above it must not hide them.
  if (mounts.some(({ path }) => repository.startsWith(`${path}/`)))
    mounts.push({ source: root.machine(repository), path: repository, readOnly: true });
  if (resolvConf !== undefined)
    mounts.push({ source: root.machine(join(folder, 'resolv.conf')), path: '/etc/resolv.conf', readOnly: false, isFile: true });
  const { script, files, scratch } = planContainerRoot({ folder, others: root.others, mounts });
  mkdirSync(scratch, { recursive: true });
  if (resolvConf !== undefined) writeFileSync(join(folder, 'resolv.conf'), resolvConf);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return new ContainerProcess({
    netns,
    argv,
    env,
    hostname: hostnameOf(pod),
    cwd: container.workingDir ?? '/tmp',
    rootScript: script,
    enter: root.enter,
    cgroup,
    log,
    stdin: container.stdin === true,
  });
}
