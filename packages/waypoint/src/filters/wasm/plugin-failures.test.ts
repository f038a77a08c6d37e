// What becomes of requests when a plugin cannot be had, loops, traps, waits for ever, or takes too much: those of others are never touched.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { filter, headerOf, PluginScene } from '../../testing/plugins.ts';
import { answerOf, call, code, forEver, growUntilNone, number, plugin, store, Texts, trap, when } from '../../testing/wasm.ts';

let scene: PluginScene;
beforeEach(() => {
  scene = new PluginScene({ callback: ms(150), start: ms(2_000), wait: ms(150) });
});
afterEach(() => scene[Symbol.dispose]());

type Bodies = Parameters<typeof plugin>[1];
const module = (bodies: (texts: Texts) => Bodies, options?: Parameters<typeof plugin>[2]): Buffer => {
  const texts = new Texts();
  return plugin(texts, bodies(texts), options);
};
const goOn = number(0);
/** Marks requests, so that it is seen to work. */
const marking = (mark = 'yes') =>
  module(({ text }) => ({
    proxy_on_request_headers: code(number(0), text('x-seen'), text(mark), call('proxy_add_header_map_value'), goOn),
  }));
/** Does something for requests whose path is longer than one octet; others are marked. */
const badly = (deed: readonly number[]) =>
  module(({ text }) => ({
    proxy_on_request_headers: code(
      number(0),
      text('x-bad'),
      number(16),
      number(20),
      answerOf('proxy_get_header_map_value'),
      // It answers 0 when the header is there.
      [0x45],
      when(deed),
      number(0),
      text('x-seen'),
      text('yes'),
      call('proxy_add_header_map_value'),
      goOn,
    ),
  }));
/** Six million headers, all empty, written into 60 MB. */
const fillHost = code(
  number(1_000),
  [0x40, 0x00, 0x1a],
  store(131_072, 6_000_000),
  number(0),
  number(131_072),
  number(60_000_004),
  call('proxy_set_header_map_pairs'),
);
const bad = { headers: [['x-bad', '1']] } as const;
const seen = async (head = {}) => {
  const { client, served, draft } = await scene.ask(head);
  return served === undefined ? `${client.answer?.status} ${draft.details}` : (headerOf(served.headers, 'x-seen') ?? 'passed');
};
const serve = (bytes: Buffer, url = 'http://modules/p'): void => {
  scene.modules.set(url, bytes);
};

describe.each([
  ['loops for ever', forEver, 'it took longer than 150 ms'],
  ['traps', trap, 'unreachable'],
  ['takes memory until there is none left', growUntilNone, 'unreachable'],
  // Whichever limit it meets first.
  ['makes the host take memory', fillHost, /^(out of memory|it took longer than 150 ms)$/],
])('a plugin that %s', (_, deed, why) => {
  test('harms the request that it does so for, and runs again soon', async () => {
    serve(badly(deed));
    scene.run(filter());
    expect(await seen()).toBe('yes');
    expect(await seen(bad)).toBe('500 wasm_fail_stream');
    await vi.waitFor(() => expect(scene.failures).toEqual([typeof why === 'string' ? why : expect.stringMatching(why)]));
    await vi.waitFor(async () => expect(await seen()).toBe('yes'));
    expect(scene.fetched).toHaveLength(1);
  });

  test('lets requests pass if it may fail', async () => {
    serve(badly(deed));
    scene.run(filter({ failOpen: true }));
    await vi.waitFor(async () => expect(await seen()).toBe('yes'));
    expect(await seen(bad)).toBe('passed');
  });
});

test('one plugin that fails leaves another alone', async () => {
  serve(badly(forEver));
  serve(marking('other'), 'http://modules/other');
  scene.run(filter({ name: 'bad', failOpen: true }), filter({ name: 'good', url: 'http://modules/other', priority: 1 }));
  await vi.waitFor(async () => expect((await scene.ask()).served?.headers).toHaveLength(2));
  const { served } = await scene.ask(bad);
  expect(headerOf(served?.headers, 'x-seen')).toBe('other');
});

test('the answer passes, or does not, when a plugin fails over it', async () => {
  serve(module(() => ({ proxy_on_response_headers: trap })));
  scene.run(filter());
  expect((await scene.ask()).client.got).toEqual(['500', 'body:a plugin failed', 'end']);
  scene.run(filter({ failOpen: true }));
  await vi.waitFor(async () => expect((await scene.ask()).client.got).toEqual(['200', 'body:hello', 'end']));
});

test('a request that it makes wait for nothing ends after a while', async () => {
  serve(module(() => ({ proxy_on_request_headers: number(1) })));
  scene.run(filter());
  expect(await seen()).toBe('500 wasm_fail_stream');
  expect(scene.failures).toEqual([]);
});

test('the memory of a plugin ends at 64 MB, whatever its module says', async () => {
  // Grows by 1,022 pages to 1,024, then by one more.
  const grow = (pages: number) => code(number(pages), [0x40, 0x00], number(-1), [0x46]);
  serve(
    module(({ text }) => ({
      proxy_on_configure: code(
        grow(1_022),
        when(code(number(2), text('too early'), call('proxy_log'))),
        grow(1),
        when(code(number(2), text('enough'), call('proxy_log'))),
        number(1),
      ),
    })),
  );
  scene.run(filter());
  await vi.waitFor(() => expect(scene.said).toEqual(['info enough']));
});

test('what it logs at a time has an end', async () => {
  serve(
    module(({ text }) => {
      const lines = code(number(2), text('x'), call('proxy_log'));
      return { proxy_on_configure: code(...Array.from({ length: 300 }, () => lines), number(1)) };
    }),
  );
  scene.run(filter());
  await vi.waitFor(() => expect(scene.said).toHaveLength(100));
});

test.each([
  ['refuses its configuration', module(() => ({ proxy_on_configure: number(0) })), 'it refused its configuration'],
  ['refuses to start', module(() => ({ proxy_on_vm_start: number(0) })), 'it refused to start'],
  ['loops at the start', module(() => ({ proxy_on_configure: code(forEver, number(1)) })), 'it took longer than 2000 ms'],
  [
    'is for another version',
    module(() => ({}), { marker: 'proxy_abi_version_0_1_0' }),
    'it does not say that it is for Proxy-Wasm 0.2.0 or 0.2.1',
  ],
  ['begins with too much memory', module(() => ({}), { pages: 1_025 }), 'its memory begins with 64 MB, more than the 64 MB it may have'],
  ['is something else', Buffer.from('<html>not found</html>'), 'the module cannot be used: it is no WebAssembly module'],
])('a module that %s never runs', async (_, bytes, why) => {
  serve(bytes);
  scene.run(filter());
  expect(await seen()).toBe('500 wasm_fail_stream');
  expect(scene.failures[0]).toContain(why);
});

test.each([
  ['oci://registry/p:1', 'modules in container images are not supported'],
  ['ftp://modules/p', 'is no place that a module can come from'],
  ['http://127.0.0.1/p', 'modules are not fetched from 127.0.0.1'],
  ['http://[::1]:8080/p', 'modules are not fetched from'],
  ['http://2130706433/p', 'modules are not fetched from 127.0.0.1'],
  ['http://169.254.169.254/latest/meta-data', 'modules are not fetched from'],
  ['http://modules/none', 'answered with status 404'],
  ['file:///', 'is no file'],
  ['file:///dev/zero', 'is no file'],
])('a module is not had from %s', async (url, why) => {
  scene.run(filter({ url }));
  expect(await seen()).toBe('500 wasm_fail_stream');
  expect(scene.failures[0]).toContain(why);
});

test('requests need not wait for a plugin that may fail', async () => {
  scene.run(filter({ failOpen: true, url: 'http://modules/none' }));
  expect(await seen()).toBe('passed');
});

describe('checksums', () => {
  const sha256 = createHash('sha256').update(marking()).digest('hex');

  test('that fit let a module run; it is compiled and fetched once', async () => {
    serve(marking());
    scene.run(filter({ name: 'a', sha256 }));
    expect(await seen()).toBe('yes');
    scene.run(filter({ name: 'a', sha256 }), filter({ name: 'b', sha256: sha256.toUpperCase() }));
    expect((await scene.ask()).served?.headers).toHaveLength(2);
    expect(scene.fetched).toHaveLength(1);
  });

  test('that do not fit leave what was there at work', async () => {
    serve(marking('old'));
    scene.run(filter());
    expect(await seen()).toBe('old');
    serve(marking('new'));
    scene.run(filter({ sha256 }));
    await vi.waitFor(() => expect(scene.failures[0]).toContain('the module has the checksum'));
    expect(await seen()).toBe('old');
  });
});

test('a new version takes over when it has started; the old one finishes what it knows', async () => {
  serve(marking('old'));
  scene.run(filter());
  expect(await seen()).toBe('old');
  serve(marking('new'), 'http://modules/new');
  scene.run(filter({ url: 'http://modules/new' }));
  const answers: string[] = [];
  await vi.waitFor(async () => {
    answers.push(await seen());
    expect(answers.at(-1)).toBe('new');
  });
  expect(new Set(answers)).toEqual(new Set(['old', 'new']));
  expect(scene.failures).toEqual([]);
});

test('a plugin whose object is gone runs no more', async () => {
  serve(marking());
  scene.run(filter());
  expect(await seen()).toBe('yes');
  scene.run();
  expect(await seen()).toBe('passed');
});

test('a module in a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plugin-'));
  try {
    const path = join(folder, 'p.wasm');
    writeFileSync(path, marking());
    scene.run(filter({ url: pathToFileURL(path).href }));
    expect(await seen()).toBe('yes');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('many requests at once all get through', async () => {
  serve(marking());
  scene.run(filter());
  const all = await Promise.all(Array.from({ length: 200 }, () => seen()));
  expect(new Set(all)).toEqual(new Set(['yes']));
});

test('its metrics and its failures are counted', async () => {
  serve(
    module(({ text }) => ({
      proxy_on_configure: code(number(0), text('seen'), number(64), call('proxy_define_metric'), number(1)),
      proxy_on_request_headers: trap,
    })),
  );
  scene.run(filter());
  await seen();
  await vi.waitFor(async () => expect(await scene.metrics.text()).toContain('ambient_waypoint_plugin_failures_total{plugin="ns/p"} 1'));
});
