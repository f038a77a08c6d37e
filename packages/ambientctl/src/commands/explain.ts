// `ambientctl explain FROM TO[:PORT]`: the way that a connection or request would take, and which policy decides about it.
// Computed by the code that enforces it; nothing is sent. `--what-if` shows what a change would alter before it is made.

import { type Explanation, explain, type Question } from '@ambient-mesh/translate/explain/explanation';
import { type KnownMesh, meshOf } from '@ambient-mesh/translate/explain/mesh-of';
import { targetCalled, workloadCalled } from '@ambient-mesh/translate/explain/names';
import type { Command } from 'commander';
import { openCluster } from '../cluster.ts';
import { objectsIn, objectsOf, withChanges } from '../explain/objects.ts';
import { failure } from '../failure.ts';
import { show } from '../output.ts';
import type { Globals, Shell } from '../shell.ts';

interface Options extends Globals {
  readonly method?: string;
  readonly path?: string;
  readonly header?: readonly string[];
  readonly jwt?: string;
  readonly file?: readonly string[];
  readonly whatIf?: readonly string[];
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addExplain(program: Command, shell: Shell): void {
  program
    .command('explain')
    .description('tells the way of a connection or request through the mesh, and who decides about it; sends nothing')
    .argument('<from>', 'a pod, or a Deployment: [namespace/]name')
    .argument('<to>', 'a service (cart, cart.shop), an address, or pod/[namespace/]name; with :port')
    .option('--method <method>', 'of an HTTP request (default: GET when a path or header is given)')
    .option('--path <path>', 'of an HTTP request, with its query')
    .option('--header <name: value>', 'of an HTTP request; may be repeated', collect)
    .option('--jwt <token>', 'that comes with the request; taken to be good')
    .option('-f, --file <file>', 'objects from this file instead of the cluster; may be repeated', collect)
    .option('--what-if <file>', 'tells also what it would be with the objects of this file applied; may be repeated', collect)
    .action((from: string, to: string, _, command: Command) => run(shell, { from, to }, command.optsWithGlobals<Options>()));
}

async function run(shell: Shell, asked: { readonly from: string; readonly to: string }, options: Options): Promise<void> {
  await using cluster = options.file === undefined ? await openCluster(shell, options) : undefined;
  const namespace = cluster?.namespace ?? options.namespace ?? 'default';
  const objects = cluster === undefined ? objectsIn(options.file ?? []) : await objectsOf(cluster.client, shell.signal);
  const answer = (known: KnownMesh): Explanation => explain(known, questionOf(known, asked, namespace, options));
  const now = answer(meshOf(objects));
  if (options.whatIf === undefined) return tell(shell, options, [['', now]]);
  const then = answer(meshOf(withChanges(objects, objectsIn(options.whatIf))));
  tell(shell, options, [
    ['now', now],
    ['then', then],
  ]);
}

function questionOf(
  { mesh }: KnownMesh,
  { from, to }: { readonly from: string; readonly to: string },
  namespace: string,
  options: Options,
): Question {
  const source = workloadCalled(mesh, from, namespace);
  if (source === undefined) throw failure(`there is no pod or Deployment ${from.includes('/') ? from : `${namespace}/${from}`}`);
  const target = targetCalled(mesh, to, source.namespace);
  if (typeof target === 'string') throw failure(target);
  const { method, path, header = [], jwt } = options;
  const isRequest = method !== undefined || path !== undefined || header.length > 0 || jwt !== undefined;
  if (!isRequest) return { from: source, to: target.address };
  const headers = header.map((text) => headerOf(text));
  const host = headers.find(([name]) => name === 'host')?.[1] ?? target.host;
  const claims = jwt === undefined ? {} : { claims: claimsOf(jwt) };
  return { from: source, to: target.address, request: { method: method ?? 'GET', host, path: path ?? '/', headers, ...claims } };
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw failure(`${JSON.stringify(text)} is no header: write it as "name: value"`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw failure('the token is no JWT: it has no payload that can be read');
}

function tell(shell: Shell, { output }: Options, answers: readonly (readonly [when: string, Explanation])[]): void {
  const several = answers.length > 1;
  const rows = answers.flatMap(([when, { steps, outcome, by }]) => [
    ...steps.map(({ at, says }) => [...(several ? [when] : []), at, says]),
    [...(several ? [when] : []), outcome.toUpperCase(), by],
  ]);
  const [[, only] = ['', undefined]] = answers;
  const items = several ? Object.fromEntries(answers) : only;
  show(shell, output, { columns: [...(several ? ['WHEN'] : []), 'AT', 'WHAT'], rows, items });
}
