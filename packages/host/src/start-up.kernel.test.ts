// Rules of what is found out at start: capabilities, the limit of open files, IPv6; and of running programs.
// Beside capabilities.ts, limits.ts, ipv6.ts and run-in.ts; needs root, which it gives up in a child to see what is missed.
// Entering namespaces is netns.kernel.test.ts.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { missingCapabilities } from './capabilities.ts';
import { loopbackHasIpv6 } from './ipv6.ts';
import { raiseOpenFiles } from './limits.ts';
import { Netns } from './netns.ts';
import { runIn } from './run-in.ts';

const soon = () => AbortSignal.timeout(15_000);
const node = process.execPath;
const moduleUrl = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

test('with all privileges nothing is missing', () => {
  expect(missingCapabilities(1337)).toEqual([]);
});

test('without privileges each missing one is a sentence', async () => {
  using here = Netns.current();
  const program = `import(${moduleUrl('./capabilities.ts')}).then((m) => console.log(JSON.stringify(m.missingCapabilities(1337))))`;
  const said = await runIn(here, ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', node, '-e', program], soon());
  expect(JSON.parse(said)).toEqual([
    expect.stringContaining('cannot enter our own network namespace: setns: EPERM (a capability is missing'),
    expect.stringContaining('cannot mark a socket with SO_MARK 1337: setsockopt: EPERM (a capability is missing'),
  ]);
});

test('the limit of open files goes up to the hard one', async () => {
  using here = Netns.current();
  const program = `import(${moduleUrl('./limits.ts')}).then((m) => console.log(JSON.stringify(m.raiseOpenFiles())))`;
  const said = await runIn(here, ['prlimit', '--nofile=300:900', node, '-e', program], soon());
  expect(JSON.parse(said).to).toBe(900);
  expect(raiseOpenFiles().from).toBe(raiseOpenFiles().to);
});

test('IPv6 on the loopback is read inside the namespace', () => {
  using made = Netns.create();
  expect(loopbackHasIpv6(made)).toBe(true);
  made.run(() => writeFileSync('/proc/sys/net/ipv6/conf/lo/disable_ipv6', '1'));
  expect(loopbackHasIpv6(made)).toBe(false);
});

const running: readonly (readonly [rule: string, argv: readonly [string, ...string[]], fault: object])[] = [
  [
    'a program that fails gives its exit code and words',
    ['ip', 'nonsense'],
    { code: 'host.run', exit: 1, said: expect.stringContaining('nonsense') },
  ],
  ['a program that is not there is a typed error', ['no-such-program'], { code: 'host.run', exit: undefined, argv: ['no-such-program'] }],
];
test.each(running)('%s', async (_, argv, fault) => {
  using made = Netns.create();
  await expect(runIn(made, argv, soon())).rejects.toMatchObject({ fault });
});

test('a program gets its input, and one that ignores it does no harm', async () => {
  using made = Netns.create();
  expect(await runIn(made, ['cat'], soon(), { stdin: 'words' })).toBe('words');
  expect(await runIn(made, ['true'], soon(), { stdin: 'x'.repeat(1_000_000) })).toBe('');
});

test('a program is ended by the signal and by its time-out', async () => {
  using made = Netns.create();
  const stop = new AbortController();
  const aborted = runIn(made, ['sleep', '30'], stop.signal);
  stop.abort();
  await expect(aborted).rejects.toMatchObject({ fault: { code: 'host.run' } });
  await expect(runIn(made, ['sleep', '30'], soon(), { timeoutMs: 20 })).rejects.toMatchObject({
    fault: { code: 'host.run', exit: undefined },
  });
});
