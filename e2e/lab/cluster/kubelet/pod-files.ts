// The files of one pod's volumes on the node's disk: written before its containers start, and kept up to date while they run.
// Used by pod-run.ts. What they hold is decided in volumes.ts. A changed file is replaced at once: readers see the old or the new content.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { NodeRoot } from '../node-root.ts';
import type { Container, Pod } from '../objects.ts';
import { withApiAccess } from './api-access.ts';
import type { PodPlace, Sources } from './environment.ts';
import { hostPathMount } from './host-path.ts';
import type { Mount } from './mounts.ts';
import { fetchSources, requestToken, type Token, wantsApiAccess } from './pod-sources.ts';
import { filesOf, references, type TokenWish } from './volumes.ts';

/** A token is replaced when this share of its life is over. */
const tokenShare = 0.8;

interface Held {
  readonly token: Token;
  readonly renewAt: number;
}

export class PodFiles {
  readonly #client: KubeClient;
  readonly #root: NodeRoot;
  /** Absolute. */
  readonly #folder: string;
  readonly #tokens = new Map<string, Held>();
  /** By volume, what it is on the node. */
  readonly #ofNode = new Map<string, Pick<Mount, 'source' | 'isFile'>>();
  /** Undefined until somebody has looked. */
  #wantsApiAccess: boolean | undefined;

  constructor(client: KubeClient, root: NodeRoot, folder: string) {
    this.#client = client;
    this.#root = root;
    this.#folder = folder;
  }

  /** Fetches, writes, and returns what was fetched. Rejects when something is missing; may be repeated at any time. */
  async write(given: Pod, place: PodPlace, signal: AbortSignal): Promise<Sources> {
    this.#wantsApiAccess ??= await wantsApiAccess(this.#client, given, signal);
    const pod = this.#wantsApiAccess ? withApiAccess(given) : given;
    const sources = await fetchSources(this.#client, pod, signal);
    await Promise.all(references(pod).tokens.map((wish) => this.#refresh(pod, wish, signal)));
    const token = (wish: TokenWish): string => this.#tokens.get(keyOf(wish))?.token.text ?? '';
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.hostPath !== undefined) {
        if (!this.#ofNode.has(volume.name)) this.#ofNode.set(volume.name, hostPathMount(this.#root, volume.hostPath));
        continue;
      }
      const folder = join(this.#folder, 'volumes', volume.name);
      mkdirSync(folder, { recursive: true });
      const files = filesOf(volume, { pod, place, sources, token });
      if (files !== undefined) replaceFiles(folder, files);
    }
    return sources;
  }

  async #refresh(pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<void> {
    const now = Date.now();
    if ((this.#tokens.get(keyOf(wish))?.renewAt ?? 0) > now) return;
    const token = await requestToken(this.#client, pod, wish, signal);
    this.#tokens.set(keyOf(wish), { token, renewAt: now + (token.expires - now) * tokenShare });
  }

  /** What a container of the pod mounts, once `write` has resolved. */
  mounts(pod: Pod, container: Container): Mount[] {
    const { initContainers = [], containers } = (this.#wantsApiAccess === true ? withApiAccess(pod) : pod).spec;
    const { volumeMounts = [] } = [...initContainers, ...containers].find(({ name }) => name === container.name) ?? container;
    return volumeMounts.map(({ name, mountPath: path, readOnly = false }) => {
      const own = { source: this.#root.machine(join(this.#folder, 'volumes', name)) };
      return { ...(this.#ofNode.get(name) ?? own), path, readOnly };
    });
  }
}

const keyOf = ({ audience, seconds }: TokenWish): string => `${seconds} ${audience}`;

function replaceFiles(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, content] of files) {
    const target = join(folder, path);
    if (existsSync(target) && readFileSync(target, 'utf8') === content) continue;
    mkdirSync(dirname(target), { recursive: true });
    const next = `${target}.next`;
    writeFileSync(next, content, { mode: 0o644 });
    renameSync(next, target);
  }
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const found = join(folder, path);
    if (statSync(found).isFile() && !files.has(relative(folder, found))) rmSync(found);
  }
}
