// One call of a CNI plugin: a program of the node, run in the node's network and file system, with what the specification gives it.
// Used by runtime.ts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Netns } from '@ambient-mesh/host/netns';
import { type JsonObject, parsed } from './conflist.ts';

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/** Where plugins run. */
export interface CniNode {
  readonly netns: Netns;
  /** Before a command, so that it runs in the node's file system. */
  readonly enter: readonly string[];
  /** A path of the node as this process can open it. */
  path(path: string): string;
  /** Paths of the node, in which plugins are looked for in this order. */
  readonly binFolders: readonly string[];
}

export interface Call {
  readonly verb: Verb;
  readonly type: string;
  readonly config: JsonObject;
  /** Of the attachment: CNI_CONTAINERID and so on. */
  readonly env: Readonly<Record<string, string>>;
}

/** Numbers below 100 are the specification's. */
export class CniError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const longest = 60_000;
const badEnd = 999;

/** What it printed. @throws CniError with the plugin's code and message, or why there is none */
export async function runPlugin(node: CniNode, { verb, type, config, env }: Call, signal: AbortSignal): Promise<JsonObject> {
  const failed = (code: number, why: string): CniError =>
    new CniError(code, `plugin type=${JSON.stringify(type)} failed (${verb.toLowerCase()}): ${why}`);
  const found = node.binFolders.map((folder) => `${folder}/${type}`).find((path) => isProgram(node.path(path)));
  if (found === undefined) throw failed(badEnd, `failed to find plugin ${JSON.stringify(type)} in path [${node.binFolders.join(' ')}]`);
  const all = { PATH: process.env.PATH ?? '', ...env, CNI_COMMAND: verb, CNI_PATH: node.binFolders.join(':') };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(longest)]);
  const child = node.netns.run(() =>
    spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...node.enter, found], {
      env: all,
      signal: limit,
      killSignal: 'SIGKILL',
      detached: true,
    }),
  );
  child.stdin.on('error', () => {}).end(JSON.stringify(config));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const [said, complained, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]).catch((e: unknown) => {
    throw failed(badEnd, limit.aborted ? 'it did not answer in time' : String(e));
  });
  const answer = parsed(said);
  if (code === 0) {
    if (answer === undefined && said.trim() !== '') throw failed(badEnd, `no JSON object: ${said.trim().slice(0, 200)}`);
    return answer ?? {};
  }
  const { code: own, msg, details } = answer ?? {};
  if (typeof msg !== 'string') throw failed(badEnd, `netplugin failed with no error message: ${complained.trim() || `exit code ${code}`}`);
  throw failed(typeof own === 'number' ? own : badEnd, typeof details === 'string' && details !== '' ? `${msg}; ${details}` : msg);
}

function isProgram(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}
