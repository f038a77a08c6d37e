// `explain` is never wrong: in random worlds it is asked first, then a pod makes the very connection; not one of 500 may disagree.
// On the lab: two nodes, pods in and out of the mesh, two waypoints; what changes from round to round is in explain/random-objects.ts.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { explain } from '@ambient-mesh/translate/explain/explain';
import type { Explanation } from '@ambient-mesh/translate/explain/explanation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestResult } from '../lab/cluster/apps/request-protocol.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { entry, type Manifest } from './explain/base.ts';
import { type Chance, chanceOf } from './explain/chance.ts';
import { type Asked, orderOf, questionOf, randomQuestion, textOf, wrongWith } from './explain/comparison.ts';
import { randomObjects } from './explain/random-objects.ts';
import { ExplainStage } from './explain/stage.ts';
import { makeTokens, type Tokens } from './explain/tokens.ts';

const rounds = 9;
const questionsEach = 60;
/** For news to reach every proxy. */
const settleMs = 8_000;

interface Compared {
  readonly asked: Asked;
  readonly explanation: Explanation;
  readonly results: readonly RequestResult[];
  readonly wrong: string | undefined;
}

describe.skipIf(!hasKubectl())('explain and what happens (needs kubectl)', () => {
  const owned = new AsyncDisposableStack();
  let stage: ExplainStage;
  let tokens: Tokens;
  beforeAll(async () => {
    stage = owned.use(await ExplainStage.start());
    tokens = await makeTokens();
  }, 240_000);
  afterAll(() => owned.disposeAsync());

  test(`${rounds * questionsEach} connections go as was told before`, async () => {
    const seed = Date.now() % 2 ** 31;
    console.info(`seed ${seed}`);
    const counts = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      const chance = chanceOf(seed + round);
      const objects = randomObjects(chance, round, tokens.jwks);
      await stage.apply(objects);
      const all = await compareAll(stage, questions(chance, tokens));
      for (const { explanation } of all)
        for (const what of [
          explanation.outcome,
          ...(explanation.steps.some(({ says }) => says.includes('has a waypoint')) ? ['by waypoint'] : []),
        ])
          counts.set(what, (counts.get(what) ?? 0) + 1);
      const wrong = all.filter((each) => each.wrong !== undefined);
      expect(wrong.map(report), `seed ${seed} round ${round}:\n${wrong.length > 0 ? world(objects) : ''}`).toEqual([]);
    }
    console.info(`outcomes: ${JSON.stringify(Object.fromEntries(counts))}`);
    expect(counts.get('sometimes') ?? 0).toBeLessThan((rounds * questionsEach) / 5);
  }, 600_000);

  test('the command says the same', async () => {
    const chance = chanceOf(7);
    await stage.apply(randomObjects(chance, 100, tokens.jwks));
    const known = await stage.known();
    const some = questions(chance, tokens).filter(({ isService, family }) => isService && family === 4);
    for (const asked of some.slice(0, 4)) {
      const { steps: _, ...want } = explain(known, questionOf(known, asked));
      const said = JSON.parse(await command(stage.kubeconfig, asked)) as Explanation;
      expect({ asked: textOf(asked), ...said }).toMatchObject({ asked: textOf(asked), ...want });
    }
  }, 120_000);
});

const questions = (chance: Chance, { all }: Tokens): readonly Asked[] =>
  Array.from({ length: questionsEach }, () => randomQuestion(chance, all));

/** What disagrees is asked and made again until the settling time is over: then it is wrong. */
async function compareAll(stage: ExplainStage, asked: readonly Asked[]): Promise<readonly Compared[]> {
  const done = new Map<Asked, Compared>();
  const deadline = performance.now() + settleMs;
  for (let left = asked; left.length > 0; ) {
    const last = performance.now() > deadline;
    for (const each of await compare(stage, left)) if (last || each.wrong === undefined) done.set(each.asked, each);
    left = asked.filter((each) => !done.has(each));
  }
  return [...done.values()];
}

async function compare(stage: ExplainStage, asked: readonly Asked[]): Promise<readonly Compared[]> {
  const known = await stage.known();
  const told = asked.map((each) => {
    const question = questionOf(known, each);
    return { asked: each, question, explanation: explain(known, question) };
  });
  const byPod = [...Map.groupBy(told, (each) => each.asked.from)];
  const made = byPod.map(async ([from, all]) => {
    const results = await stage.requests(
      from,
      all.map((each) => orderOf(each.question, each.asked)),
    );
    return all.map((each, at): Compared => {
      const own = results[at] ?? [];
      const wrong = own.map((result) => wrongWith(each.explanation, each.asked, result)).find((text) => text !== undefined);
      return { asked: each.asked, explanation: each.explanation, results: own, wrong };
    });
  });
  return (await Promise.all(made)).flat();
}

const report = ({ asked, explanation, results, wrong }: Compared): string =>
  [`${textOf(asked)}: ${wrong}`, JSON.stringify(explanation, undefined, 1), JSON.stringify(results)].join('\n');

const world = (objects: readonly Manifest[]): string => objects.map((each) => JSON.stringify(each)).join('\n');

const program = fileURLToPath(new URL('../../packages/ambientctl/bin/ambientctl.mjs', import.meta.url));

function command(kubeconfig: string, { from, to, port, request }: Asked): Promise<string> {
  const [namespace, name] = to.split('/');
  const host = name === entry.name ? entry.host : `${name}.${namespace}`;
  const http = request === undefined ? [] : ['--method', request.method, '--path', request.path, '--header', `host: ${request.host}`];
  const headers = (request?.headers ?? []).flatMap(([header, value]) => ['--header', `${header}: ${value}`]);
  const argv = [program, 'explain', from, `${host}:${port}`, '-o', 'json', ...http, ...headers];
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: kubeconfig };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { env }, (error, out, err) => (error === null ? resolve(out) : reject(new Error(err))));
  });
}
