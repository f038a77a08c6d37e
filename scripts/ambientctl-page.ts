// The page about ambientctl: an introduction written by hand, and the reference of every command, read from the program itself.
// Written down, and checked for freshness, by generate-docs.ts.
import { type CommandShape, everyCommand, type OptionShape, shapeOf } from '../packages/ambientctl/src/completion/tree.ts';
import { buildProgram, exitCodes } from '../packages/ambientctl/src/program.ts';
import { systemClock } from '../packages/runtime/src/time.ts';

const nothing = (): void => {};
const program = shapeOf(
  buildProgram(
    { print: nothing, complain: nothing, isTerminal: false, env: {}, clock: systemClock, signal: new AbortController().signal },
    '',
  ),
);

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'Done; the answer is on standard output.',
  failed: 'It could not be done, or `check` found something wrong: one sentence on standard error says what.',
  usage: 'What was typed makes no sense.',
  found: '`analyze` found something at least as bad as `--failure-threshold`.',
  interrupted: 'Interrupted, by Ctrl-C or SIGTERM.',
};

const introduction = `# ambientctl

One program answers what can be asked of a mesh. It needs what \`kubectl\` needs, a kubeconfig, and reads proxies by port-forward: their admin pages
listen on loopback only. Nothing but \`waypoint\`, \`install\`, \`upgrade\`, \`uninstall\`, and \`ztunnel-config log\` with a level changes anything.

| You want to know | Ask |
| --- | --- |
| Is all well? | [check](#check) |
| Is what I wrote right? | [analyze](#analyze), for files and for clusters |
| Why is this denied, or where does it go? | [explain](#explain), before and after a change |
| Who talks now, and how much? | [top](#top), [tail](#tail) |
| Has everybody heard of my change? | [proxy-status](#proxy-status) |
| What does this proxy know? | [ztunnel-config](#ztunnel-config), [waypoint config](#waypoint-config) |
| What shall I send to those who help me? | [bug-report](#bug-report) |

## Everywhere the same

* \`-o json\` and \`-o yaml\` are for programs: their fields stay. Tables are for people, and may change.
* Colours appear on a terminal only, and not with \`NO_COLOR\`.
* A table without rows is its head alone, and no failure.
* What cannot be done is one sentence on standard error, and an exit code:

| Exit code | Meaning |
| --- | --- |
${Object.entries(exitCodes)
  .map(([name, code]) => `| ${code} | ${Object.entries(meanings).find(([each]) => each === name)?.[1] ?? ''} |`)
  .join('\n')}

## Examples

A client's requests are refused. Who refuses them?

\`\`\`text
$ ambientctl tail --denied --workload web
14:02:11.503Z  inbound  ztunnel-x7x2p  shop/web-7d9f:40112 -> shop/cart-1:8080  DENIED by shop/gate: connection closed due to policy rejection  0 B out, 0 B back, 1ms
\`\`\`

The policy \`shop/gate\`. [explain](explain.md) says by which of its rules, and with \`--what-if\` what a change would do, before it is made:

\`\`\`text
$ ambientctl explain shop/web cart.shop:80
AT            WHAT
shop/web-1    goes to cart.shop.svc.cluster.local port 80 directly: no waypoint is between
shop/cart-1   port 8080 refuses spiffe://cluster.local/ns/shop/sa/web by AuthorizationPolicy shop/gate, rule 0 (principal */sa/web)
DENIED        AuthorizationPolicy shop/gate
\`\`\`

Has the corrected policy arrived? \`SYNCED\` means that the proxy has taken all there is, \`STALE\` that something is under way, \`NACKED\` that it refused
the last of it (the last column says why), \`DISCONNECTED\` that it runs and is nobody's client. The age is that of its last answer, or how long one has been missing; \`-\` is what it has no use for:

\`\`\`text
$ ambientctl proxy-status
NAME                         TYPE       NODE     ISTIOD         ADDRESSES      POLICIES       L7             REFUSED BECAUSE
waypoint-6d5f.shop           waypoint   node-a   istiod-84c9f   SYNCED (12s)   -              SYNCED (12s)
ztunnel-x7x2p.istio-system   ztunnel    node-a   istiod-84c9f   SYNCED (12s)   STALE (3s)     -
\`\`\`

What does a ztunnel itself know? The same works with a dump that somebody sent, by \`--file\`:

\`\`\`text
$ ambientctl ztunnel-config workload --node node-a --workload-namespace shop
NAMESPACE   POD NAME   ADDRESS    NODE     WAYPOINT   PROTOCOL
shop        cart-1     10.0.1.2   node-b   waypoint   HBONE
shop        web-1      10.0.0.2   node-a   None       HBONE
\`\`\`

And a waypoint, whose routes are shown as it carries them out (\`~\` begins a regular expression, shares are in brackets):

\`\`\`text
$ ambientctl waypoint config routes -n shop
ROUTE                 SERVICE                               MATCH           TO
HTTPRoute shop/cart   shop/cart.shop.svc.cluster.local:80   GET /v2/*       shop/cart-v2.shop.svc.cluster.local:80 (9), shop/cart.shop.svc.cluster.local:80 (1)
\`\`\`

Who moves how much? On a terminal the table refreshes itself until Ctrl-C. \`IN\` and \`OUT\` are seen from the workload; both ends' words about a connection count once:

\`\`\`text
$ ambientctl top
NAMESPACE   WORKLOAD   OPEN IN   OPEN OUT   IN/S     OUT/S    REQUESTS/S   DENIED   DENIED BY
shop        web        0         3          2.0 kB   1.0 kB   0            0
shop        cart       3         0          1.0 kB   2.0 kB   10           3        shop/gate
\`\`\`

A namespace gets a waypoint, and its services go through it once it is ready:

\`\`\`text
$ ambientctl waypoint apply -n shop --enroll-namespace --wait
✅ waypoint shop/waypoint applied
✅ waypoint shop/waypoint is ready!
✅ namespace shop labeled with "istio.io/use-waypoint: waypoint"
\`\`\`

For those who are to help you, one archive. Secrets are never read; private keys, tokens, values of variables, commands and arguments of containers, and
annotations that are not the mesh's are left out. Names and addresses are in it: look through it first.

\`\`\`text
$ ambientctl bug-report report.tar.gz
report.tar.gz: 31 files, 1.2 MB before compression.
It holds no Secrets, but names and addresses of what runs in this cluster: look through it before you hand it on.
\`\`\`

Completion, for good: \`source <(ambientctl completion bash)\` in \`~/.bashrc\`, \`source <(ambientctl completion zsh)\` in \`~/.zshrc\` after \`compinit\`,
\`ambientctl completion fish | source\` in \`config.fish\`.

## Options of every command
`;

function reference(): string {
  const [, ...commands] = everyCommand(program);
  return `${optionTable(program.options)}
## Commands
${commands.map(section).join('\n')}`;
}

/** Commands of commands are one level below. */
function section({ path, names, about, usage, args, options, children }: CommandShape): string {
  const level = '#'.repeat(2 + path.split(' ').length);
  const aliases = names.slice(1).map((name) => `\`${name}\``);
  const explained = args
    .filter((each) => each.about !== '' || each.choices.length > 0)
    .map((each) => `* \`${each.name}\`: ${argText(each)}`);
  return [
    `\n${level} ${path}`,
    `\n${sentence(about)}${aliases.length > 0 ? ` Also called ${aliases.join(', ')}.` : ''}`,
    ...(children.length > 0
      ? []
      : [`\n    ambientctl ${[path, usage, options.length > 0 ? '[options]' : ''].filter((each) => each !== '').join(' ')}`]),
    ...(explained.length > 0 ? ['', ...explained] : []),
    ...(options.length > 0 ? [`\n${optionTable(options)}`.trimEnd()] : []),
  ].join('\n');
}

const argText = ({ about, choices }: CommandShape['args'][number]): string =>
  [plain(about), choices.length > 0 ? `one of ${choices.map((each) => `\`${each}\``).join(', ')}` : '']
    .filter((each) => each !== '')
    .join('; ');

function optionTable(options: readonly OptionShape[]): string {
  const rows = options.map(({ flags, about, takes, otherwise }) => {
    const choices = typeof takes === 'string' ? '' : ` (${takes.map((each) => `\`${each}\``).join(', ')})`;
    return `| \`${flags}\` | ${cell(`${about}${choices}${otherwise === undefined ? '' : `; default \`${otherwise}\``}`)} |`;
  });
  return `| Option | Meaning |\n| --- | --- |\n${rows.join('\n')}\n`;
}

/** Brackets of placeholders are no tags. */
const plain = (text: string): string => text.replaceAll('<', '&lt;');
const cell = (text: string): string => plain(text).replaceAll('|', '\\|');
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export const ambientctlPage = `<!-- Generated by scripts/generate-docs.ts from the commands of packages/ambientctl and scripts/ambientctl-page.ts: change those, then run npm run generate -->
${introduction}
${reference()}
`;
