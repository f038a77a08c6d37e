// `ambientctl explain FROM TO[:PORT]`: the way that a connection or request would take, and which policy decides about it.
// Computed by the code that enforces it; nothing is sent. `--what-if` and `--without` show what a change would alter before it is made.
import { explain } from '@ambient-mesh/translate/explain/explain';
import type { Explanation, Question, Step } from '@ambient-mesh/translate/explain/explanation';
import { defaultSettings, type KnownMesh, meshOf } from '@ambient-mesh/translate/explain/mesh-of';
import { targetCalled, workloadCalled } from '@ambient-mesh/translate/explain/names';
import { claimsOf } from '@ambient-mesh/translate/explain/tokens';
import type { Command } from 'commander';
import { openCluster } from '../cluster.ts';
import { compared } from '../explain/compare.ts';
import { objectsIn, objectsOf, withChanges, withoutObjects } from '../explain/objects.ts';
import { settingsOf } from '../explain/settings.ts';
import { failure, usage } from '../failure.ts';
import { show } from '../output.ts';
import type { Globals, Shell } from '../shell.ts';

interface Options extends Globals {
  readonly method?: string;
  readonly path?: string;
  readonly header?: readonly string[];
  readonly jwt?: string;
  readonly sni?: string;
  readonly file?: readonly string[];
  readonly whatIf?: readonly string[];
  readonly without?: readonly string[];
}

interface Asked {
  readonly from: string;
  readonly to: string;
  /** Where names without one are looked for. */
  readonly namespace: string;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addExplain(program: Command, shell: Shell): void {
  program
    .command('explain')
    .description('tells the way of a connection or request through the mesh, and who decides about it; sends nothing')
    .argument('<from>', 'a pod, or a Deployment: [namespace/]name')
    .argument('<to>', 'a service (cart, cart.shop), an address, or pod/[namespace/]name; with :port')
    .option('--method <method>', 'of an HTTP request (default: GET when a path, header or token is given)')
    .option('--path <path>', 'of an HTTP request, with its query')
    .option('--header <name: value>', 'of an HTTP request; may be repeated', collect)
    .option('--jwt <token>', 'that comes with the request as a bearer token; taken to be signed well')
    .option('--sni <name>', 'server name of a TLS connection')
    .option('-f, --file <file>', 'objects from this file instead of the cluster; may be repeated', collect)
    .option('--what-if <file>', 'tells what would change with the objects of this file applied; may be repeated', collect)
    .option('--without <object>', 'tells what would change without this object, kind/[namespace/]name; may be repeated', collect)
    .action((from: string, to: string, _, command: Command) => run(shell, { from, to }, command.optsWithGlobals<Options>()));
}

async function run(shell: Shell, ends: Pick<Asked, 'from' | 'to'>, options: Options): Promise<void> {
  await using cluster = options.file === undefined ? await openCluster(shell, options) : undefined;
  const asked = { ...ends, namespace: cluster?.namespace ?? options.namespace ?? 'default' };
  const objects = cluster === undefined ? objectsIn(options.file ?? [], asked.namespace) : await objectsOf(cluster.client, shell.signal);
  const settings = cluster === undefined ? defaultSettings : await settingsOf(cluster.client, objects, shell.signal);
  const answer = (known: KnownMesh): Explanation => explain(known, questionOf(known, asked, options, shell.clock.now()));
  const now = answer(meshOf(objects, settings));
  const { whatIf = [], without = [] } = options;
  if (whatIf.length + without.length === 0) return tell(shell, options, now);
  const changed = withChanges(withoutObjects(objects, without, asked.namespace), objectsIn(whatIf, asked.namespace));
  tellDifference(shell, options, now, answer(meshOf(changed, settings)));
}

function questionOf({ mesh }: KnownMesh, { from, to, namespace }: Asked, options: Options, now: number): Question {
  const source = workloadCalled(mesh, from, namespace);
  if (source === undefined) throw failure(`there is no pod or Deployment ${from.includes('/') ? from : `${namespace}/${from}`}`);
  const target = targetCalled(mesh, to, source.namespace);
  if (typeof target === 'string') throw failure(target);
  const { method, path, header, jwt, sni } = options;
  const question = { from: source, to: target.address, now, ...(sni !== undefined && { sni }) };
  if (method === undefined && path === undefined && header === undefined && jwt === undefined) return question;
  if (path !== undefined && !path.startsWith('/')) throw usage(`${JSON.stringify(path)} is no path: it begins with a slash`);
  const headers = [...(header ?? []).map(headerOf), ...(jwt === undefined ? [] : [bearer(jwt)])];
  const host = headers.find(([name]) => name === 'host')?.[1] ?? target.host;
  const others = headers.filter(([name]) => name !== 'host');
  return { ...question, request: { method: (method ?? 'GET').toUpperCase(), host, path: path ?? '/', headers: others } };
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw usage(`${JSON.stringify(text)} is no header: write it as "name: value"`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
}

function bearer(token: string): readonly [string, string] {
  if (claimsOf(token) === undefined) throw failure('the token is no JWT: three parts in base64url, the second of them JSON');
  return ['authorization', `Bearer ${token}`];
}

const last = ({ outcome, status, by }: Explanation): Step => ({
  at: `${outcome.toUpperCase()}${status === undefined ? '' : ` (${status})`}`,
  says: by,
});

function tell(shell: Shell, { output }: Options, answer: Explanation): void {
  const rows = [...answer.steps, last(answer)].map(({ at, says }) => [at, says]);
  show(shell, output, { columns: ['AT', 'WHAT'], rows, items: answer });
}

function tellDifference(shell: Shell, { output }: Options, before: Explanation, after: Explanation): void {
  const same = (a: Step, b: Step): boolean => a.at === b.at && a.says === b.says;
  const lines = compared([...before.steps, last(before)], [...after.steps, last(after)], same);
  const changes = lines.some(([sign]) => sign !== '');
  const rows = lines.map(([sign, { at, says }]) => [sign, at, says]);
  show(shell, output, { columns: ['', 'AT', 'WHAT'], rows, items: { changes, before, after } });
}
