// Local file mode: workloads, services and policies from LOCAL_XDS_PATH or LOCAL_XDS, loaded once.
// Parsing YAML is here, what it means is model/local-file.ts.
import { readFileSync } from 'node:fs';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { readLocalFile } from '@ambient-mesh/model/local-file';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import type { Config } from './config.ts';
import { parseYaml } from './yaml.ts';

export type LocalStateFault = { readonly code: 'local.unreadable' | 'local.mistakes' };

export interface LocalState {
  readonly delta: MeshDelta;
  /** As config_dump shows it under `staticConfig`. */
  readonly shown: unknown;
}

/** @throws MeshError<LocalStateFault> that lists every mistake. */
export function localFile(config: Config): LocalState | undefined {
  const { localXdsPath: path, localXds: inline } = config;
  if (path === undefined && inline === undefined) return undefined;
  const name = path ?? 'LOCAL_XDS';
  const parsed = contentOf(path === undefined ? (inline ?? '') : textOf(path), name);
  const read = readLocalFile(parsed);
  if ('mistakes' in read) throw new MeshError<LocalStateFault>({ code: 'local.mistakes' }, `${name}: ${read.mistakes.join(' ')}`);
  return { delta: read.delta, shown: parsed };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    throw new MeshError<LocalStateFault>({ code: 'local.unreadable' }, `LOCAL_XDS_PATH: cannot read ${path} (${describeError(e)})`);
  }
}

function contentOf(text: string, name: string): unknown {
  try {
    return parseYaml(text);
  } catch (e) {
    throw new MeshError<LocalStateFault>({ code: 'local.unreadable' }, `${name} is not YAML: ${describeError(e).split('\n', 1)[0]}`);
  }
}
