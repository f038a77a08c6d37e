// Starts one container of a pod: looks up what its image means, lays out its files, and runs its command in the pod's network.
// Called by pod-run.ts for every start; what is wrong with the specification is a StartFailure, and tried again.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Container, Pod } from '../objects.ts';
import { ContainerProcess } from './container-process.ts';
import { StartFailure } from './container-run.ts';
import { argvOf, environmentOf, hostnameOf, type PodPlace, type Sources } from './environment.ts';
import { findImage, type Images } from './images.ts';
import type { LogBuffer } from './log-buffer.ts';
import { type Mount, planMounts } from './mounts.ts';

export interface StartOrder {
  readonly pod: Pod;
  readonly container: Container;
  readonly netns: Netns;
  readonly place: PodPlace;
  readonly sources: Sources;
  readonly mounts: readonly Mount[];
  readonly podFolder: string;
  readonly images: Images;
  readonly env: Readonly<Record<string, string>>;
  /** Content of /etc/resolv.conf; undefined: the machine's. */
  readonly resolvConf: string | undefined;
  readonly log: LogBuffer;
}

export function startContainer(order: StartOrder): ContainerProcess {
  const { pod, container, place, sources, podFolder, log, netns } = order;
  const image = findImage(order.images, container.image);
  if (image === undefined)
    throw new StartFailure('ErrImagePull', `the lab has no image ${JSON.stringify(container.image)}: nothing is ever pulled`);
  const env = environmentOf({ pod, container, place, sources, image, base: order.env });
  const argv = argvOf(container, image, env);
  const home = `containers/${container.name}`;
  // What an earlier run has written is gone, as with any container.
  rmSync(join(podFolder, home), { recursive: true, force: true });
  mkdirSync(join(podFolder, home), { recursive: true });
  const mounts = [...order.mounts];
  if (order.resolvConf !== undefined) {
    writeFileSync(join(podFolder, home, 'resolv.conf'), order.resolvConf);
    mounts.push({ source: `${home}/resolv.conf`, path: '/etc/resolv.conf', readOnly: false });
  }
  const plan = planned(mounts, `${home}/written`);
  for (const folder of plan.folders) mkdirSync(join(podFolder, folder), { recursive: true });
  const fstab = `${home}/fstab`;
  writeFileSync(join(podFolder, fstab), plan.fstab);
  return new ContainerProcess({
    netns,
    argv,
    env,
    hostname: hostnameOf(pod),
    cwd: container.workingDir ?? '/tmp',
    podFolder,
    fstab,
    log,
    stdin: container.stdin === true,
  });
}

function planned(mounts: readonly Mount[], scratch: string): ReturnType<typeof planMounts> {
  try {
    return planMounts({ mounts, scratch, exists: existsSync });
  } catch (e) {
    throw new StartFailure('CreateContainerError', e instanceof Error ? e.message : String(e));
  }
}
