// The files of one pod's volumes on the node's disk: written before its containers start, and kept up to date while they run.
// Used by pod-run.ts. What they hold is decided in volumes.ts. A changed file is replaced at once: readers see the old or the new content.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Container, Pod } from '../objects.ts';
import type { PodPlace, Sources } from './environment.ts';
import type { Mount } from './mounts.ts';
import { fetchSources, requestToken, type Token } from './pod-sources.ts';
import { filesOf, references, type TokenWish } from './volumes.ts';

/** A token is replaced when this share of its life is over. */
const tokenShare = 0.8;

interface Held {
  readonly token: Token;
  readonly renewAt: number;
}

export class PodFiles {
  readonly #client: KubeClient;
  /** Absolute. */
  readonly #folder: string;
  readonly #tokens = new Map<string, Held>();

  constructor(client: KubeClient, folder: string) {
    this.#client = client;
    this.#folder = folder;
  }

  /** Fetches, writes, and returns what was fetched. Rejects when something is missing; may be repeated at any time. */
  async write(pod: Pod, place: PodPlace, signal: AbortSignal): Promise<Sources> {
    const sources = await fetchSources(this.#client, pod, signal);
    await Promise.all(references(pod).tokens.map((wish) => this.#refresh(pod, wish, signal)));
    const token = (wish: TokenWish): string => this.#tokens.get(keyOf(wish))?.token.text ?? '';
    for (const volume of pod.spec.volumes ?? []) {
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

  mounts({ volumeMounts = [] }: Container): Mount[] {
    return volumeMounts.map(({ name, mountPath, readOnly = false }) => ({ source: `volumes/${name}`, path: mountPath, readOnly }));
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
