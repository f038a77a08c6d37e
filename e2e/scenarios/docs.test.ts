// The pages for users, typed as they stand: every line of kubectl and ambientctl works, every YAML block is taken by the API server, and those that promise something keep it.
// On the lab, with the shop of docs/examples. That blocks are carried out whole is scripts/yaml-doc.test.ts; the tour of getting-started has a test of its own.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab } from '../lab/mesh-lab.ts';

const root = join(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(join(root, 'docs', `${name}.md`), 'utf8');
const blocksOf = (page: string, language: string): readonly string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')), ([, text = '']) => text);
/** Those that end by themselves, and have the files that they name. */
const isCommand = (line: string): boolean =>
  line.startsWith('kubectl ') ||
  (line.startsWith('ambientctl ') && !/^ambientctl (?:tail|top|dashboard|install|upgrade|uninstall|bug-report|check --pre)\b/.test(line));
const isObjects = (text: string): boolean => text.startsWith('apiVersion:');

/** The block that has the object of this name. */
function example(page: string, object: string): string {
  const found = blocksOf(read(page), 'yaml').find((block) => block.includes(`name: ${object},`));
  if (found === undefined) throw new Error(`${page}.md has no example ${object}`);
  return found;
}

const run = promisify(execFile);
const patience = { timeoutMs: 20_000, everyMs: 100 };
const labelled = (mode: string): string => `label namespace shop istio.io/dataplane-mode${mode} --overwrite`;

describe.skipIf(!hasKubectl())('what the pages tell to type (needs kubectl)', () => {
  let mesh: MeshLab;
  const k = (args: string, input?: string): Promise<string> => mesh.kubectl.ok(args, input);

  beforeAll(async () => {
    mesh = await MeshLab.start();
    await k('apply -f docs/examples/shop.yaml');
    await k('-n shop wait pod --all --for=condition=Ready --timeout=60s');
    const [gateway = ''] = blocksOf(read('waypoints'), 'yaml');
    await k('apply -f -', gateway);
    await k('-n shop wait gateway/waypoint --for=condition=Programmed --timeout=60s');
  }, 150_000);
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  }, 60_000);

  const settled = async (): Promise<void> => {
    await k(labelled('=ambient'));
    await k('-n shop label pod web istio.io/dataplane-mode-');
    await k('-n shop label service cart istio.io/use-waypoint=waypoint istio.io/use-waypoint-namespace- --overwrite');
    await k('-n shop annotate service cart ambient-mesh.dev/require-waypoint-');
    await k('-n shop wait service/cart --for=condition=istio.io/WaypointBound --timeout=20s');
  };
  /** What `web` gets for a request: the status, and which pod answered. */
  const ask = async (path: string, ...options: readonly string[]): Promise<string> => {
    const curl = ['-n', 'shop', 'exec', 'web', '--', 'curl', '-s', '-m', '3', '-w', '\n%{http_code}', ...options];
    const { stdout } = await mesh.kubectl.run([...curl, `http://cart.shop${path}`]);
    const [body = '', status = ''] = stdout.split(/\n(?=\d+$)/);
    return [status, /"pod": ?"([^"]+)"/.exec(body)?.[1] ?? ''].join(' ').trim();
  };
  const becomes = async (want: RegExp, path: string, ...options: readonly string[]): Promise<void> => {
    let last = '';
    const once = async (): Promise<true | undefined> => {
      last = await ask(path, ...options);
      return want.test(last) ? true : undefined;
    };
    await eventually(once, { ...patience, what: `${path} to be ${want}` }).catch(() => expect(last).toMatch(want));
  };

  /** Empty: it went well. */
  const typed = async (line: string): Promise<string> => {
    // A search that finds nothing is no failure of the command.
    const command = line.includes('| grep') ? `{ ${line}; } || [ $? = 1 ]` : line;
    const ambientctl = `ambientctl() { ${process.execPath} packages/ambientctl/bin/ambientctl.mjs "$@"; }`;
    const env = { ...process.env, KUBECONFIG: mesh.cluster.kubeconfigPath };
    return run('bash', ['-o', 'pipefail', '-c', `${ambientctl}; ${command}`], { env, cwd: root }).then(
      () => '',
      (e: { readonly stdout: string; readonly stderr: string }) => `${line}\n${e.stdout}${e.stderr}`,
    );
  };

  for (const name of ['enrolment', 'policy', 'waypoints', 'troubleshooting']) {
    const page = read(name);
    const commands = blocksOf(page, 'sh').map((block) => block.split('\n').filter(isCommand));
    test(`the commands of ${name}.md work`, { timeout: 120_000 }, async () => {
      await k('apply -f -', example('policy', 'cart-reading'));
      await k('apply -f -', example('waypoints', 'cart-canary'));
      for (const block of commands) {
        await settled();
        for (const line of block) {
          expect(await typed(line)).toBe('');
        }
      }
      await k('-n shop delete authorizationpolicy,httproute --all');
      await settled();
    });
    const blocks = blocksOf(page, 'yaml').filter(isObjects);
    test.runIf(blocks.length > 0)(`the objects of ${name}.md are taken`, { timeout: 60_000 }, async () => {
      for (const block of blocks) await k('apply --dry-run=server --validate=strict -f -', withoutNamespaces(block));
    });
  }

  /** A namespace that a dry run does not make is none in which an object could be. */
  const withoutNamespaces = (block: string): string =>
    block.includes('kind: Namespace') ? block.replaceAll('namespace: egress', 'namespace: shop') : block;

  const rows: readonly (readonly [page: string, object: string, keeps: () => Promise<void>])[] = [
    [
      'policy',
      'cart-reading',
      async () => {
        await becomes(/^403/, '/elsewhere');
        await becomes(/^200/, '/carts/1');
        await becomes(/^403/, '/carts/1', '-X', 'POST');
      },
    ],
    [
      'policy',
      'cart-admins',
      async () => {
        await becomes(/^403/, '/');
      },
    ],
    [
      'policy',
      'cart-clients',
      async () => {
        // The waypoint is not among them.
        await becomes(/^503/, '/');
        await k('-n shop label service cart istio.io/use-waypoint=none --overwrite');
        await becomes(/^200/, '/');
      },
    ],
    [
      'policy',
      'nobody-unless-said',
      async () => {
        await k('-n shop label service cart istio.io/use-waypoint=none --overwrite');
        await becomes(/^000/, '/');
      },
    ],
    ['waypoints', 'cart-canary', () => becomes(/^200 cart-v2$/, '/', '-H', 'x-tester: yes')],
    ['waypoints', 'cart-mirror', () => becomes(/^200 cart-v1$/, '/')],
    ['waypoints', 'cart-faults', () => becomes(/^503/, '/', '-H', 'x-test: slow')],
    ['waypoints', 'cart-patience', () => becomes(/^200/, '/')],
    ['waypoints', 'cart-paths', () => becomes(/^200/, '/basket/1')],
  ];
  test.each(rows)('%s.md: %s does what it says', { timeout: 60_000 }, async (page, object, keeps) => {
    await settled();
    const block = example(page, object);
    await k('apply -f -', block);
    try {
      await keeps();
    } finally {
      await k('delete -f -', block);
    }
  });
});
