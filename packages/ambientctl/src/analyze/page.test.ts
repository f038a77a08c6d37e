// docs/analyze.md is this: prose of its own, and what the tables of codes and analyzers say. `vitest -u` writes it anew.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allAnalyzers } from './all-analyzers.ts';
import { type CodeEntry, codes, levels } from './codes.ts';

const intro = `# Checking the configuration

\`ambientctl analyze\` reads the objects that the mesh goes by, and names what will not do what its author thought: the code, how bad it is, the object,
what is wrong with it, and what to do. It changes nothing. What routes and policies come to is worked out by the code of the control plane itself, so that
the answer is what a cluster would do.

\`\`\`sh
ambientctl analyze                                  # the namespace of your context
ambientctl analyze -A                               # all namespaces
ambientctl analyze policy.yaml routes/              # files, as they would be in the cluster
ambientctl analyze --use-kube=false -R deploy/      # files alone, as if applied to an empty cluster: for CI
ambientctl analyze --suppress "IST0118=Service shop/legacy-*"
ambientctl analyze --failure-threshold Warning -o json
\`\`\`

A finding looks like this:

\`\`\`text
Error [AMB0008] (NetworkPolicy shop/web-only) It selects cart-1, which the mesh serves, and no policy lets TCP port 15008 into them.
    Add TCP port 15008 to the rules, from and to the same peers. Which port of the application may be reached is for an AuthorizationPolicy.
\`\`\`

| Exit code | Meaning |
| --- | --- |
| 0 | Nothing as bad as \`--failure-threshold\` (default \`Error\`). |
| 79 | There is something as bad as that. |
| 1 | It could not be looked at: no cluster, no permission, a file that cannot be read. |
| 2 | What was typed makes no sense. |

**Levels** are \`Info\`, \`Warning\` and \`Error\`; \`--output-threshold\` hides what is below one. With \`-o json\` or \`-o yaml\` each finding has \`code\`, \`name\`,
\`level\`, \`origin\`, \`object\`, \`message\` and \`advice\`.

**Files** are YAML or JSON with any number of documents; folders stand for the files in them, with \`-R\` for those below too. What files leave to the cluster
is assumed: Deployments and the like run their pods, services and waypoints get their addresses. Without a namespace of their own objects are in that of \`-n\`,
or \`default\`. Whether a pod belongs into the mesh goes by its label and that of its namespace; a node agent with selectors of its own is not known here.

**Leaving out**: \`--suppress CODE=Kind namespace/name\`, where \`*\` stands for anything; \`--analyzer NAME\` runs only one. \`analyze -L\` lists them.

\`ambientctl check\` runs all of them too, beside looking at the programs of the mesh.
`;

const link = (code: string, { name }: CodeEntry): string => `[${code}](#${code.toLowerCase()}-${name.toLowerCase()})`;

test('docs/analyze.md says what the tables say', async () => {
  const entries: readonly (readonly [string, CodeEntry])[] = Object.entries(codes);
  const byLevel = levels.toReversed().flatMap((level) => entries.filter(([, entry]) => entry.level === level));
  const reported = (code: string): string =>
    allAnalyzers
      .filter((analyzer) => analyzer.codes.some((own) => own === code))
      .map(({ name }) => `\`${name}\``)
      .join(', ');
  const page = `<!-- Written by packages/ambientctl/src/analyze/page.test.ts: change that or codes.ts, then run vitest -u on it -->
${intro}
## All codes
Codes that begin with \`IST\` mean what they mean in Istio; those that begin with \`AMB\` are ours. A single finding may be less bad than its code's level.

| Code | Level | Name |
| --- | --- | --- |
${byLevel.map(([code, entry]) => `| ${link(code, entry)} | ${entry.level} | ${entry.name} |`).join('\n')}

${entries.map(([code, { name, level, about, advice }]) => `### ${code} ${name}\n${level}. ${about}\n\n**Do:** ${advice}\n\nAnalyzer: ${reported(code)}.\n`).join('\n')}`;
  await expect(page).toMatchFileSnapshot(join(import.meta.dirname, '../../../../docs/analyze.md'));
});

test('every code is reported by somebody, and no analyzer reports a code that is not there', () => {
  expect([...new Set(allAnalyzers.flatMap((analyzer) => analyzer.codes))].sort()).toEqual(Object.keys(codes).sort());
});
