// The runtime against plugins that write down how they were called and answer what the test says: order, inputs, undoing, errors.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from './conflist.ts';
import type { CniError } from './run-plugin.ts';
import { type Attachment, CniRuntime } from './runtime.ts';

let folder: string;
let netns: Netns;
let runtime: CniRuntime;
const owned = new AsyncDisposableStack();
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cni-runtime-'));
  for (const each of ['net', 'bin', 'bin2']) mkdirSync(join(folder, each));
  netns = Netns.create();
  const binFolders = [join(folder, 'bin'), join(folder, 'bin2')];
  const folders = { net: join(folder, 'net'), results: join(folder, 'results') };
  runtime = new CniRuntime({ netns, enter: ['env'], path: (path) => path, binFolders }, folders);
});
afterEach(async () => {
  netns[Symbol.dispose]();
  rmSync(folder, { recursive: true });
  await owned.disposeAsync();
});

/** Notes each call in `calls`; answers what `answer-VERB` beside it says, and ends with what `exit-VERB` says. */
const script = (type: string): string => `#!/bin/sh
cd '${folder}'
{ printf '%s ' "$CNI_COMMAND"; echo '${type}'; } >>calls
env >"env-${type}-$CNI_COMMAND"
readlink /proc/self/ns/net >"netns-${type}"
cat >"stdin-${type}-$CNI_COMMAND"
[ -f "answer-${type}-$CNI_COMMAND" ] && cat "answer-${type}-$CNI_COMMAND"
[ -f "exit-${type}-$CNI_COMMAND" ] && exit "$(cat "exit-${type}-$CNI_COMMAND")"
exit 0
`;

function plugin(type: string, bin = 'bin'): void {
  writeFileSync(join(folder, bin, type), script(type));
  chmodSync(join(folder, bin, type), 0o755);
}

/** A list of plugins that are all there. */
function network(types: readonly string[], more: object = {}): void {
  for (const type of types) plugin(type);
  write('net/10-net.conflist', { cniVersion: '1.1.0', name: 'net', plugins: types.map((type) => ({ type, own: type })), ...more });
}

const write = (name: string, content: object | string): void =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const answers = (type: string, verb: string, answer: object | string, exit = 0): void => {
  write(`answer-${type}-${verb}`, answer);
  write(`exit-${type}-${verb}`, `${exit}`);
};
const calls = (): string[] => (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : []);
const stdin = (type: string, verb: string): JsonObject =>
  JSON.parse(readFileSync(join(folder, `stdin-${type}-${verb}`), 'utf8')) as JsonObject;
const env = (type: string, verb: string): string[] =>
  readFileSync(join(folder, `env-${type}-${verb}`), 'utf8')
    .trim()
    .split('\n');

const attachment: Attachment = {
  containerId: 'c1',
  netns: '/proc/1/fd/9',
  ifname: 'eth0',
  args: { IgnoreUnknown: '1', K8S_POD_NAMESPACE: 'shop', K8S_POD_NAME: 'web' },
  capabilityArgs: { portMappings: [] },
};
const result = (address: string): object => ({ cniVersion: '1.1.0', ips: [{ address }] });
const fault = async (f: Promise<unknown>): Promise<CniError> =>
  (await f.then(
    () => undefined,
    (e: unknown) => e,
  )) as CniError;

test('plugins are called in order, each told what came of the one before, in the network of the node', async () => {
  network(['one', 'two']);
  answers('one', 'ADD', result('10.0.0.1/32'));
  answers('two', 'ADD', result('10.0.0.2/32'));
  expect(await runtime.add(attachment, soon())).toEqual(result('10.0.0.2/32'));
  expect(calls()).toEqual(['ADD one', 'ADD two']);
  expect(stdin('one', 'ADD')).toEqual({ type: 'one', own: 'one', name: 'net', cniVersion: '1.1.0' });
  expect(stdin('two', 'ADD').prevResult).toEqual(result('10.0.0.1/32'));
  expect(env('two', 'ADD')).toEqual(
    expect.arrayContaining([
      'CNI_CONTAINERID=c1',
      'CNI_NETNS=/proc/1/fd/9',
      'CNI_IFNAME=eth0',
      'CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web',
      `CNI_PATH=${folder}/bin:${folder}/bin2`,
    ]),
  );
  expect(readFileSync(join(folder, 'netns-one'), 'utf8').trim()).toBe(`net:[${netns.id.split(':')[1]}]`);
});

test('detaching goes backwards, with the last result, and may be repeated', async () => {
  network(['one', 'two']);
  for (const type of ['one', 'two']) answers(type, 'ADD', result(`10.0.0.${type.length}/32`));
  const last = await runtime.add(attachment, soon());
  await runtime.del(attachment, soon());
  expect(calls().slice(2)).toEqual(['DEL two', 'DEL one']);
  expect([stdin('two', 'DEL').prevResult, stdin('one', 'DEL').prevResult]).toEqual([last, last]);
  expect(readdirSync(join(folder, 'results'))).toEqual([]);
  await runtime.del(attachment, soon());
  expect(stdin('one', 'DEL').prevResult).toBeUndefined();
});

test('when a plugin fails, all are undone, and its words are the error', async () => {
  network(['one', 'two', 'three']);
  answers('one', 'ADD', result('10.0.0.1/32'));
  answers('two', 'ADD', { cniVersion: '1.1.0', code: 11, msg: 'no agent', details: 'is it running?' }, 1);
  const { code, message } = await fault(runtime.add(attachment, soon()));
  expect([code, message]).toEqual([11, 'plugin type="two" failed (add): no agent; is it running?']);
  expect(calls()).toEqual(['ADD one', 'ADD two', 'DEL three', 'DEL two', 'DEL one']);
  expect(readdirSync(join(folder, 'results'))).toEqual([]);
});

const failures: readonly (readonly [name: string, prepare: () => void, code: number, why: RegExp])[] = [
  ['a plugin that says nothing', () => answers('one', 'ADD', '', 3), 999, /no error message: exit code 3/],
  ['a plugin that speaks no JSON', () => answers('one', 'ADD', 'hello'), 999, /no JSON object: hello/],
  ['a plugin that gives no address', () => answers('one', 'ADD', { ips: [] }), 100, /network net gave no address/],
  ['a plugin that is not there', () => rmSync(join(folder, 'bin/one')), 999, /failed to find plugin "one" in path/],
  ['a plugin that cannot be run', () => chmodSync(join(folder, 'bin/one'), 0o644), 999, /failed to find plugin "one"/],
  ['no configuration', () => rmSync(join(folder, 'net/10-net.conflist')), 100, /no network configuration in/],
];
for (const [name, prepare, code, why] of failures)
  test(`${name} is an error`, async () => {
    network(['one']);
    prepare();
    const error = await fault(runtime.add(attachment, soon()));
    expect(error.message).toMatch(why);
    expect(error.code).toBe(code);
  });

test('a plugin that hangs is killed when nobody waits any more, and undone', async () => {
  network(['one']);
  writeFileSync(join(folder, 'bin/one'), `#!/bin/sh\necho "$CNI_COMMAND" >>'${folder}/calls'\n[ "$CNI_COMMAND" = DEL ] || exec sleep 60\n`);
  const stop = new AbortController();
  const added = fault(runtime.add(attachment, stop.signal));
  await expect.poll(calls).toEqual(['ADD']);
  stop.abort();
  expect((await added).message).toContain('did not answer in time');
  expect(calls()).toEqual(['ADD', 'DEL']);
});

test('the configuration is read at every call: a plugin that is put behind the first takes part from then on', async () => {
  network(['one']);
  answers('one', 'ADD', result('10.0.0.1/32'));
  await runtime.add(attachment, soon());
  plugin('two', 'bin2');
  answers('two', 'ADD', result('10.0.0.1/32'));
  network(['one', 'two']);
  await runtime.add({ ...attachment, containerId: 'c2' }, soon());
  expect(calls()).toEqual(['ADD one', 'ADD one', 'ADD two']);
});

test('what is attached can be detached when the configuration is gone', async () => {
  network(['one']);
  answers('one', 'ADD', result('10.0.0.1/32'));
  await runtime.add(attachment, soon());
  rmSync(join(folder, 'net/10-net.conflist'));
  await runtime.del(attachment, soon());
  expect(calls()).toEqual(['ADD one', 'DEL one']);
});

test('a failed detaching stays to be repeated', async () => {
  network(['one']);
  answers('one', 'ADD', result('10.0.0.1/32'));
  await runtime.add(attachment, soon());
  answers('one', 'DEL', { code: 5, msg: 'busy' }, 1);
  expect((await fault(runtime.del(attachment, soon()))).code).toBe(5);
  answers('one', 'DEL', '');
  await runtime.del(attachment, soon());
  expect(stdin('one', 'DEL').prevResult).toEqual(result('10.0.0.1/32'));
});

test('a check asks every plugin, with the result; of an attachment that is none it fails', async () => {
  network(['one', 'two']);
  expect((await fault(runtime.check(attachment, soon()))).message).toContain('is not attached');
  for (const type of ['one', 'two']) answers(type, 'ADD', result('10.0.0.1/32'));
  await runtime.add(attachment, soon());
  await runtime.check(attachment, soon());
  expect(calls().slice(2)).toEqual(['CHECK one', 'CHECK two']);
  answers('one', 'CHECK', { code: 100, msg: 'lost' }, 1);
  expect((await fault(runtime.check(attachment, soon()))).message).toBe('plugin type="one" failed (check): lost');
});

const quiet: readonly (readonly [name: string, more: object, ask: () => Promise<void>])[] = [
  ['check, when the list says so', { disableCheck: true }, () => runtime.check(attachment, soon())],
  ['check before 0.4.0', { cniVersion: '0.3.1' }, () => runtime.check(attachment, soon())],
  ['status before 1.1.0', { cniVersion: '1.0.0' }, () => runtime.status(soon())],
  ['gc before 1.1.0', { cniVersion: '1.0.0' }, () => runtime.gc([attachment], soon())],
  ['gc, when the list says so', { disableGC: true }, () => runtime.gc([], soon())],
];
for (const [name, more, ask] of quiet)
  test(`plugins are not asked for a ${name}`, async () => {
    network(['one'], more);
    answers('one', 'ADD', result('10.0.0.1/32'));
    await runtime.add(attachment, soon());
    await ask();
    expect(calls()).toEqual(['ADD one']);
  });

test('status is that of the first plugin that is not well', async () => {
  expect((await fault(runtime.status(soon()))).code).toBe(100);
  network(['one', 'two']);
  await runtime.status(soon());
  answers('two', 'STATUS', { code: 50, msg: 'no agent' }, 1);
  expect((await fault(runtime.status(soon()))).code).toBe(50);
});

test('garbage: what nobody uses is detached, plugins hear what is in use, and one that fails does not keep the others from it', async () => {
  network(['one', 'two']);
  for (const type of ['one', 'two']) answers(type, 'ADD', result('10.0.0.1/32'));
  const other = { ...attachment, containerId: 'c2' };
  await runtime.add(attachment, soon());
  await runtime.add(other, soon());
  answers('one', 'GC', { code: 7, msg: 'no' }, 1);
  expect((await fault(runtime.gc([attachment], soon()))).code).toBe(7);
  expect(calls().slice(4)).toEqual(['DEL two', 'DEL one', 'GC one', 'GC two']);
  expect(stdin('two', 'GC')['cni.dev/valid-attachments']).toEqual([{ containerID: 'c1', ifname: 'eth0' }]);
  expect(env('one', 'DEL')).toContain('CNI_CONTAINERID=c2');
});

test('a file that is no configuration does not stop the node', async () => {
  network(['one']);
  write('net/00-broken.conflist', '{"name":');
  answers('one', 'ADD', result('10.0.0.1/32'));
  await runtime.add(attachment, soon());
  expect(runtime.refused).toEqual(['00-broken.conflist: no JSON object']);
});
