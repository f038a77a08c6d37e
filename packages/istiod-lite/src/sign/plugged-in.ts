// Signing material from a mounted folder (the Secret `cacerts`): read at the start, and again when its files change.
// Used by app.ts; what the files must hold is material.ts, whether they may take over signing-authority.ts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watchFile } from '@ambient-mesh/identity/watched-file';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type Files, materialFrom } from './material.ts';
import type { SigningAuthority } from './signing-authority.ts';

export type PluggedInFault = { readonly code: 'sign.unusable-material'; readonly folder: string };

const names = ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem', 'tls.crt', 'tls.key', 'ca.crt'] as const;

async function readFolder(folder: string): Promise<Files> {
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => undefined)));
  return Object.fromEntries(names.map((name, index) => [name, texts[index]]));
}

/**
 * Makes `authority` usable from the folder and keeps it in step. Undefined when the folder holds no material at all: then the mesh signs
 * with a root of its own. Half a set, or one that does not work, stops the start (`sign.unusable-material`); later it changes nothing.
 */
export async function usePluggedIn(folder: string, authority: SigningAuthority, clock: Clock): Promise<Disposable | undefined> {
  const material = materialFrom(await readFolder(folder));
  if (material === undefined) return undefined;
  const wrong = authority.offer(material);
  if (wrong !== undefined)
    throw new MeshError<PluggedInFault>(
      { code: 'sign.unusable-material', folder },
      `The signing material in ${folder} cannot be used: ${wrong}`,
    );
  return watchFile({
    path: join(folder, 'ca-key.pem'),
    clock,
    onChange: () =>
      void readFolder(folder).then((files) =>
        authority.offer(materialFrom(files) ?? { wrong: `the signing material in ${folder} is gone` }),
      ),
  });
}
