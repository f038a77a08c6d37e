// The agent's end of the sockets, over real ones in a folder of its own.
import { link, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askAgent } from './ask-agent.ts';
import { type AddRequest, addVerdicts, checkVerdicts, type PluginLine } from './event.ts';
import { LogLines } from './log-lines.ts';
import { type PluginPorts, PluginServer } from './server.ts';
import { post } from './unix-http.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'plugin-server-')), 'run');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const soon = () => AbortSignal.timeout(5_000);
const good = JSON.stringify({ Netns: '/n', PodName: 'p', PodNamespace: 'ns', IPs: [{ Address: { IP: '10.0.0.5' } }] });
const send = (path: string, body: string, socket = 'pluginevent.sock') => post(join(folder, socket), path, body, soon());
const ask = () => askAgent(folder, { path: '/cmdadd', body: good, all: addVerdicts }, soon());

interface Heard {
  readonly asked: AddRequest[];
  readonly codes: number[];
  readonly lines: PluginLine[];
}

async function serve(ports: Partial<PluginPorts> = {}): Promise<{ readonly server: PluginServer; readonly heard: Heard }> {
  const heard: Heard = { asked: [], codes: [], lines: [] };
  const server = await PluginServer.listen(folder, {
    add: async (asked) => {
      heard.asked.push(asked);
      return 'in-mesh';
    },
    check: async () => 'enrolled',
    log: (line) => heard.lines.push(line),
    answered: (code) => heard.codes.push(code),
    clock: systemClock,
    ...ports,
  });
  return { server, heard };
}

test('a good payload is answered with the verdict, and with the addresses that the plugin gave', async () => {
  const { server, heard } = await serve();
  await using _ = server;
  expect(await ask()).toEqual({ kind: 'verdict', verdict: 'in-mesh' });
  expect(heard.asked).toEqual([{ namespace: 'ns', pod: 'p', uid: undefined, netns: '/n', ips: ['10.0.0.5'] }]);
  expect(heard.codes).toEqual([200]);
  expect(await askAgent(folder, { path: '/check', body: good, all: checkVerdicts }, soon())).toEqual({
    kind: 'verdict',
    verdict: 'enrolled',
  });
});

test('bad payloads are refused, counted, and reach nobody', async () => {
  const { server, heard } = await serve();
  await using _ = server;
  const replies = [
    await send('/cmdadd', '{'),
    await send('/cmdadd', '{}'),
    await send('/check', '[]'),
    await send('/log', '{}', 'log.sock'),
  ];
  expect(replies.map((reply) => reply.kind === 'answer' && reply.status)).toEqual([400, 400, 400, 400]);
  expect(heard).toEqual({ asked: [], codes: [400, 400], lines: [] });
});

test('other paths, other methods and long bodies are refused', async () => {
  const { server } = await serve();
  await using _ = server;
  expect(await send('/other', good)).toMatchObject({ status: 404 });
  expect(await send('/constructor', good)).toMatchObject({ status: 404 });
  expect(await send('/cmdadd', good, 'log.sock')).toMatchObject({ status: 404 });
  expect(await send('/cmdadd', ' '.repeat(64 * 1024 + 1))).toMatchObject({ status: 413 });
  const status = await new Promise((resolve) => {
    request({ socketPath: join(folder, 'pluginevent.sock'), path: '/cmdadd', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(status).toBe(405);
});

test('what goes wrong is told to the plugin', async () => {
  const { server, heard } = await serve({
    add: async () => {
      throw new Error('cannot enrol', { cause: new Error('no ztunnel is connected') });
    },
  });
  await using _ = server;
  expect(await ask()).toEqual({ kind: 'failed', why: 'the node agent answered 500: cannot enrol: no ztunnel is connected' });
  expect(heard.codes).toEqual([500]);
});

/** Never answers; remembers its signal. */
function waiting() {
  const signals: AbortSignal[] = [];
  const add: PluginPorts['add'] = (_, signal) =>
    new Promise((_resolve, reject) => {
      signals.push(signal);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  return { signals, add };
}

test('a plugin that goes away aborts what was begun for it', async () => {
  const { signals, add } = waiting();
  const { server, heard } = await serve({ add });
  await using _ = server;
  const impatient = new AbortController();
  const asked = askAgent(folder, { path: '/cmdadd', body: good, all: addVerdicts }, impatient.signal);
  await vi.waitFor(() => expect(signals).toHaveLength(1));
  impatient.abort(new Error('no answer in time'));
  expect(await asked).toEqual({ kind: 'failed', why: 'no answer in time' });
  await vi.waitFor(() => expect(heard.codes).toEqual([500]));
  expect(signals[0]?.reason).toEqual(new Error('the plugin went away'));
});

test('an agent that stops answers whoever waits, and is then away', async () => {
  const { signals, add } = waiting();
  const { server } = await serve({ add });
  const asked = ask();
  await vi.waitFor(() => expect(signals).toHaveLength(1));
  await server[Symbol.asyncDispose]();
  expect(await asked).toEqual({ kind: 'failed', why: 'the node agent answered 500: the node agent is stopping' });
  expect((await ask()).kind).toBe('absent');
});

test('a server that died leaves a socket: nobody is there, and the next one takes its place', async () => {
  await mkdir(folder);
  const path = join(folder, 'pluginevent.sock');
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(`${path}.old`, resolve));
  await link(`${path}.old`, path);
  await new Promise((resolve) => other.close(resolve));
  expect(await ask()).toEqual({ kind: 'absent', why: expect.stringContaining('ECONNREFUSED') });
  const { server } = await serve();
  await using _ = server;
  expect((await ask()).kind).toBe('verdict');
});

test('a successor keeps its socket when its predecessor ends', async () => {
  const { server: old } = await serve();
  const { server: next, heard } = await serve();
  await using _ = next;
  await old[Symbol.asyncDispose]();
  expect(await ask()).toEqual({ kind: 'verdict', verdict: 'in-mesh' });
  expect(heard.asked).toHaveLength(1);
});

test('the folder is for its owner and group, the sockets are for everybody in it', async () => {
  const { server } = await serve();
  await using _ = server;
  const modes = await Promise.all([folder, join(folder, 'pluginevent.sock'), join(folder, 'log.sock')].map((path) => stat(path)));
  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o750, 0o666, 0o666]);
});

test('a place that cannot be had is said, and nothing stays open', async () => {
  await mkdir(join(folder, 'log.sock', 'x'), { recursive: true });
  await expect(serve()).rejects.toMatchObject({ fault: { code: 'plugin.listen-failed', path: folder } });
  expect((await ask()).kind).toBe('absent');
});

test('the log reaches the agent, and a file when there is none', async () => {
  const log = new LogLines();
  const line = (message: string): PluginLine => ({ level: 'info', message, fields: { pod: 'p' } });
  {
    const { server, heard } = await serve();
    await using _ = server;
    log.add({ ...line('chatter'), level: 'debug' }, 'info');
    log.add(line('one'), 'info');
    await log.send(folder);
    expect(heard.lines).toEqual([{ level: 'info', message: 'one', fields: { pod: 'p', scope: 'cni-plugin', time: expect.any(String) } }]);
  }
  const file = join(folder, 'istio-cni.log');
  await writeFile(file, 'x'.repeat(10 * 1024 * 1024 + 1));
  log.add(line('two'), 'info');
  await log.send(folder);
  expect((await stat(`${file}.1`)).size).toBeGreaterThan(10 * 1024 * 1024);
  expect((await stat(file)).size).toBeLessThan(1_000);
  log.add(line('three'), 'info');
  await log.send(join(folder, 'nowhere'));
});

test('an agent that takes no lines holds nobody up: they go to the file', async () => {
  await mkdir(folder);
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(join(folder, 'log.sock'), resolve));
  const log = new LogLines();
  log.add({ level: 'info', message: 'one', fields: {} }, 'info');
  await log.send(folder);
  expect(await readFile(join(folder, 'istio-cni.log'), 'utf8')).toContain('"msg":"one"');
  silent.close();
});
