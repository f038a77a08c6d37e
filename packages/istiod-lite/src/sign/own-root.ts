// Keeps the mesh's own root in its Secret: makes it if nobody has, follows what others write, renews it in time.
// Run by app.ts when no signing material is plugged in; every replica does the same, and whoever is first wins. What to do is self-signed.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Kind } from '@ambient-mesh/kube/kind';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import { isFault } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Files } from './material.ts';
import { nextStep, type SecretData, secretName, secretType } from './self-signed.ts';
import type { SigningAuthority } from './signing-authority.ts';

/** Kept whole: the mesh has one such Secret. */
interface RootSecret {
  readonly version: string;
  readonly data: Files;
}

const secretKind: Kind<RootSecret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
  narrow: (raw) => {
    const data = Object.entries(objectOf(objectOf(raw).data)).map(([key, value]) => [key, Buffer.from(textOf(value), 'base64').toString()]);
    return { version: textOf(objectOf(objectOf(raw).metadata).resourceVersion), data: Object.fromEntries(data) as Files };
  },
};

export interface OwnRootOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly authority: SigningAuthority;
  readonly lifetime: Ms;
  /** How often the root's age is looked at. */
  readonly check: Ms;
  readonly organization: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: WatchReport;
  /** The Secret could not be written; tried again. */
  readonly failed: (why: unknown) => void;
}

const retry = ms(2_000);

/** Runs until the signal aborts. The authority becomes usable on the way. */
export async function keepOwnRoot(options: OwnRootOptions, signal: AbortSignal): Promise<void> {
  const { client, namespace, clock, report, check, random } = options;
  const selection = { namespace, fieldSelector: `metadata.name=${secretName}` };
  const store = watchStore(client, secretKind, { ...selection, clock, report }, signal);
  await Promise.race([store.synced, aborted(signal)]);
  while (!signal.aborted) {
    const changed = nextChange(store);
    const wait = (await look(options, store, signal)) ? ms(check * (0.9 + 0.2 * random())) : retry;
    const woken = new AbortController();
    const either = AbortSignal.any([signal, woken.signal]);
    await Promise.race([changed.promise, clock.sleep(wait, either).catch(() => {})]);
    woken.abort();
    changed[Symbol.dispose]();
  }
}

/** One look at the Secret as it is known, and what follows from it. False: try again soon. */
async function look(options: OwnRootOptions, store: Store<RootSecret>, signal: AbortSignal): Promise<boolean> {
  const { client, namespace, authority, lifetime, organization, clock, failed } = options;
  const key = { namespace, name: secretName };
  const secret = store.get(`${namespace}/${secretName}`);
  // A Secret that somebody removed is written again as it was: a new root would cut the mesh in two.
  const known = secret === undefined && authority.material !== undefined ? authority.material : undefined;
  const step = nextStep(secret?.data, { now: clock.now(), lifetimeMs: lifetime, organization });
  const material = step.do === 'create' && known !== undefined ? known : step.material;
  try {
    if (step.do === 'create') {
      const data = known === undefined ? step.data : { ...step.data, ...secretDataOf(known) };
      await client.create(secretKind, key, { type: secretType, data: encoded(data) }, { signal });
    }
    if (step.do === 'renew') {
      const body = { metadata: { resourceVersion: secret?.version }, type: secretType, data: encoded(step.data) };
      await client.replace(secretKind, key, body, { signal });
    }
  } catch (e) {
    // Somebody else was faster: what they wrote comes by the watch.
    if (!isFault(e, 'kube.conflict') && !signal.aborted) failed(e);
    return false;
  }
  authority.offer(material, { anyRoots: true });
  return true;
}

function nextChange(store: Store<RootSecret>): Disposable & { readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listening = store.onChange(() => resolve());
  return { promise, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const secretDataOf = (known: NonNullable<SigningAuthority['material']>): SecretData => ({
  'ca-cert.pem': known.certPem,
  'ca-key.pem': known.keyPem,
  'cert-chain.pem': known.chainPem,
  'root-cert.pem': known.rootsPem,
});

const encoded = (data: SecretData): SecretData =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
