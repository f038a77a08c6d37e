// The first thing that every npm script runs: makes a bare clone ready, then starts the real command on the pinned Node.
// Plain JavaScript for whatever Node (>= 20) the machine has; nothing else in the project may assume less than the pinned one.
// Usage: node scripts/bootstrap.mjs vitest … | run FILE … | check | biome …
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const pinnedNode = join(modules, '.bin', 'node');
/** Programs that the tests and the lab call, and the Debian package of each. */
const tools = { ip: 'iproute2', nft: 'nftables' };
const isRoot = process.getuid?.() === 0;

const [command = '', ...rest] = process.argv.slice(2);
const commands = {
  vitest: () => [join(modules, 'vitest', 'vitest.mjs'), ...vitestArguments(rest)],
  run: () => rest,
  check: () => [join(root, 'scripts', 'check.ts'), ...rest],
  biome: () => [join(modules, '@biomejs', 'biome', 'bin', 'biome'), ...rest],
};

if (!Object.hasOwn(commands, command)) fail(`usage: node scripts/bootstrap.mjs ${Object.keys(commands).join(' | ')} …`);
ensureModules();
const missingTools = command === 'vitest' || command === 'run' ? ensureTools() : [];
runPinned(commands[command]());

function fail(text) {
  console.error(text);
  process.exit(1);
}

/** Installs what package-lock.json says, if that is newer than what is installed. */
function ensureModules() {
  const installed = join(modules, '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  console.error('Installing npm packages (npm ci)');
  const { status, error } = spawnSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) fail(`npm is needed to install the packages: ${error.message}`);
  if (status !== 0) fail('npm ci failed: see above.');
  if (!existsSync(pinnedNode))
    fail(`npm ci left no ${pinnedNode}: are npm install scripts switched off? The package "node" needs its own.`);
}

/** Installs the missing tools where that is possible; returns what is still missing, having said so. */
function ensureTools() {
  let missing = Object.keys(tools).filter((tool) => !onPath(tool));
  if (missing.length > 0 && isRoot && onPath('apt-get')) {
    const packages = missing.map((tool) => tools[tool]);
    console.error(`Installing Debian packages: ${packages.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { stdio: ['ignore', 'ignore', 2], env };
    spawnSync('apt-get', ['update', '-q'], options);
    spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
    missing = missing.filter((tool) => !onPath(tool));
  }
  if (missing.length > 0)
    console.error(
      `Missing: ${missing.map((tool) => `${tool} (Debian package ${tools[tool]})`).join(', ')}; what needs network namespaces cannot run.`,
    );
  return missing;
}

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Without root or tools only the unit tests can run, unless the caller chose projects. */
function vitestArguments(given) {
  if ((isRoot && missingTools.length === 0) || given.some((argument) => argument.startsWith('--project'))) return given;
  console.error(`Left out: the kernel and e2e tests, which need ${isRoot ? 'the tools above' : 'root'}.`);
  return [...given, '--project', 'unit'];
}

/**
 * Runs the command in a process group of its own: it gets each signal once, from us alone (a terminal and npm would both send it),
 * and nothing of the group outlives it.
 */
function runPinned(args) {
  const path = [join(modules, '.bin'), process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);
  const child = spawn(pinnedNode, args, { cwd: process.cwd(), stdio: 'inherit', detached: true, env: { ...process.env, PATH: path } });
  const lastSent = new Map();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - (lastSent.get(signal) ?? -1_000) < 300) return;
      lastSent.set(signal, now);
      child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`cannot run ${pinnedNode}: ${error.message}`));
  child.on('exit', (code, signal) => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The usual case: the group is empty.
    }
    process.exit(code ?? 128 + osConstants.signals[signal]);
  });
}
