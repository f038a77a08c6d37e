// Carries out a controller's steps against the API, and waits until the caches show them: the next decision must not repeat them.
// Called by run.ts. That somebody else was faster, or that the object is gone, is no failure: the decision comes again.
import { randomInt } from 'node:crypto';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Kind, keyText, metaOf, pathOf } from '@ambient-mesh/kube/kind';
import type { Store } from '@ambient-mesh/kube/store';
import { pods } from '../kinds.ts';
import type { KubeObject } from '../objects.ts';
import { keyOfMeta, type Step } from './controller.ts';

export interface ActPorts {
  readonly client: KubeClient;
  /** The cache of a kind, if there is one. */
  readonly cacheOf: (kind: Kind<unknown>) => Store<KubeObject> | undefined;
}

/** Without vowels and look-alikes, as in names that the API server makes. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const longestNameBytes = 63;
const cacheLagMs = 5_000;

/** False when the key must be decided again, because the world was not as the decision thought. */
export async function act(ports: ActPorts, step: Step, signal: AbortSignal): Promise<boolean> {
  try {
    await seen(ports, step, await write(ports.client, step, signal), signal);
    return true;
  } catch (e) {
    const status = statusOf(e);
    // 403: the namespace is being deleted.
    if (status === 409 || status === 404 || status === 403) return false;
    throw e;
  }
}

/** The object as the server has it now; undefined when it is gone. */
async function write(client: KubeClient, step: Step, signal: AbortSignal): Promise<unknown> {
  switch (step.do) {
    case 'create': {
      const name = step.key.name === '' ? randomName(step.prefix ?? '') : step.key.name;
      return client.create(step.kind, { ...step.key, name }, step.body, { signal, manager });
    }
    case 'remove':
      await client.remove(step.kind, keyOfMeta(step.of), { signal, uid: step.of.metadata.uid, propagation: 'Background' });
      return client.get({ ...step.kind, narrow: (raw) => raw }, keyOfMeta(step.of), { signal });
    case 'patch': {
      const { metadata, ...rest } = step.body as { readonly metadata?: object };
      const body = { ...rest, metadata: { ...metadata, uid: step.of.metadata.uid } };
      return client.patch(step.kind, keyOfMeta(step.of), { type: 'merge', body, manager, ...subresource(step) }, { signal });
    }
    case 'bind': {
      const key = keyOfMeta(step.of);
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: key.name, namespace: key.namespace, uid: step.of.metadata.uid },
        target: { apiVersion: 'v1', kind: 'Node', name: step.node },
      };
      const request = { verb: 'bind', about: `Pod ${keyText(key)}`, method: 'POST', path: pathOf(pods, key, 'binding'), body } as const;
      await client.request(request, { signal });
      return client.get({ ...pods, narrow: (raw) => raw }, key, { signal });
    }
    default:
      return step satisfies never;
  }
}

const manager = 'ambient-lab';

const subresource = (step: Step & { do: 'patch' }): { readonly subresource?: 'status' } =>
  step.subresource === undefined ? {} : { subresource: step.subresource };

function randomName(prefix: string): string {
  const suffix = Array.from({ length: 5 }, () => nameAlphabet[randomInt(nameAlphabet.length)]).join('');
  return prefix.slice(0, longestNameBytes - suffix.length) + suffix;
}

/** Resolves when the cache of the kind is at least as new as the object, or has had time enough. */
async function seen({ cacheOf }: ActPorts, step: Step, written: unknown, signal: AbortSignal): Promise<void> {
  const cache = cacheOf(step.do === 'bind' ? pods : step.kind);
  const meta = metaOf(written);
  const key = meta?.key ?? (step.do === 'create' ? undefined : keyText(keyOfMeta(step.of)));
  if (cache === undefined || key === undefined) return;
  const isSeen = (): boolean => {
    const version = cache.get(key)?.metadata.resourceVersion;
    return meta === undefined ? version === undefined : version !== undefined && BigInt(version) >= BigInt(meta.version);
  };
  if (isSeen()) return;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(cacheLagMs)]);
  await new Promise<void>((resolve) => {
    const listening = cache.onChange(() => {
      if (isSeen()) done();
    });
    const done = (): void => {
      listening[Symbol.dispose]();
      limit.removeEventListener('abort', done);
      resolve();
    };
    limit.addEventListener('abort', done);
  });
}
