// What plugins see of requests and answers, and what they may do with them.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TestClient } from '../../testing/exchange.ts';
import { filter, headerOf, PluginScene } from '../../testing/plugins.ts';
import { call, code, equal, gave, load, number, octet, parameter, plugin, Texts, when } from '../../testing/wasm.ts';

let scene: PluginScene;
beforeEach(() => {
  scene = new PluginScene();
});
afterEach(() => scene[Symbol.dispose]());

const [requestHeaders, responseHeaders] = [number(0), number(2)];
const goOn = number(0);
const wait = number(1);
const toGave = code(number(gave.address), number(gave.size));
const given = code(load(gave.address), load(gave.size));
/** Log at level info. */
const log = (what: readonly number[]) => code(number(2), what, call('proxy_log'));

function module(bodies: (texts: Texts) => Parameters<typeof plugin>[1]): Buffer {
  const texts = new Texts();
  return plugin(texts, bodies(texts));
}

function run(bodies: (texts: Texts) => Parameters<typeof plugin>[1], given: Parameters<typeof filter>[0] = {}): void {
  scene.modules.set('http://modules/p', module(bodies));
  scene.run(filter(given));
}

const adding = ({ text }: Texts) => ({
  proxy_on_request_headers: code(requestHeaders, text('X-Seen'), text('yes'), call('proxy_add_header_map_value'), goOn),
  proxy_on_response_headers: code(responseHeaders, text('x-answered'), text('yes'), call('proxy_replace_header_map_value'), goOn),
});

const whenRead = (client: TestClient) => vi.waitFor(() => expect(client.receiver).toBeDefined());

test('headers are added to the request and to its answer', async () => {
  run(adding);
  const { served, client } = await scene.ask({ headers: [['x-own', '1']] });
  expect(served?.headers).toEqual([
    ['x-own', '1'],
    ['x-seen', 'yes'],
  ]);
  expect(client.answer?.headers).toEqual([
    ['x-answered', 'yes'],
    ['content-length', '5'],
  ]);
  expect(client.got).toEqual(['200', 'body:hello', 'end']);
});

test('an answer of its own ends the request, by what the request asks for', async () => {
  run(({ text }) => ({
    proxy_on_request_headers: code(
      requestHeaders,
      text(':path'),
      toGave,
      call('proxy_get_header_map_value'),
      // The second octet of the path.
      load(gave.address),
      number(1),
      [0x6a],
      octet,
      number('x'.charCodeAt(0)),
      equal,
      when(code(number(403), text('no x'), text('not for you'), number(0), number(0), number(-1), call('proxy_send_local_response'))),
      goOn,
    ),
  }));
  const refused = await scene.ask({ path: '/x' });
  expect([refused.served, refused.client.answer?.status, refused.client.got, refused.draft.details]).toEqual([
    undefined,
    403,
    ['403', 'body:not for you', 'end'],
    'no x',
  ]);
  const passed = await scene.ask({ path: '/y' });
  expect(passed.client.answer?.status).toBe(200);
});

test('it reads its configuration', async () => {
  run(
    () => ({
      proxy_on_configure: code(number(7), number(0), parameter(1), toGave, call('proxy_get_buffer_bytes'), log(given), number(1)),
    }),
    { pluginConfig: '{"grüße":1}' },
  );
  await vi.waitFor(() => expect(scene.said).toEqual(['info {"grüße":1}']));
});

test.each([
  ['request\0path', '/a?b=c'],
  ['request\0url_path', '/a'],
  ['request\0query', 'b=c'],
  ['request\0method', 'GET'],
  ['request\0headers\0x-own', '1'],
  ['source\0address', '10.0.0.1:40000'],
  ['connection\0uri_san_peer_certificate', 'spiffe://cluster.local/ns/ns/sa/client'],
  ['plugin_name', 'ns.p'],
  ['plugin_root_id', 'root'],
  ['node\0metadata\0NAMESPACE', 'ns'],
])('it can ask for the property %j', async (path, value) => {
  run(({ text }) => ({
    proxy_on_request_headers: code(text(path), toGave, call('proxy_get_property'), log(given), goOn),
  }));
  await scene.ask({ path: '/a?b=c', headers: [['x-own', '1']] });
  expect(scene.said).toEqual([`info ${value}`]);
});

test('it is told of the end of each request', async () => {
  run(({ text }) => ({
    proxy_on_done: code(log(text('done')), number(1)),
    proxy_on_log: log(text('log')),
    proxy_on_delete: log(text('delete')),
  }));
  await scene.ask();
  await vi.waitFor(() => expect(scene.said).toEqual(['info done', 'info log', 'info delete']));
});

test('what it wrote in an answer of another plugin comes later in the chain first', async () => {
  const marking = (mark: string) =>
    module(({ text }) => ({
      proxy_on_request_headers: code(requestHeaders, text('x-order'), text(mark), call('proxy_add_header_map_value'), goOn),
      proxy_on_response_headers: code(responseHeaders, text('x-order'), text(mark), call('proxy_add_header_map_value'), goOn),
    }));
  for (const name of ['a', 'b', 'c', 'd']) scene.modules.set(`http://modules/${name}`, marking(name));
  const named = (name: string, given: Parameters<typeof filter>[0]) => filter({ name, url: `http://modules/${name}`, ...given });
  scene.run(
    named('a', { createdAt: 2 }),
    named('b', { createdAt: 1 }),
    named('c', { priority: 10, createdAt: 3 }),
    named('d', { phase: 'UNSPECIFIED', priority: 100 }),
  );
  const { served, client } = await scene.ask();
  const order = (headers: readonly (readonly [string, string])[] | undefined) =>
    headers?.filter(([name]) => name === 'x-order').map(([, value]) => value);
  expect(order(served?.headers)).toEqual(['c', 'b', 'a', 'd']);
  expect(order(client.answer?.headers)).toEqual(['d', 'a', 'b', 'c']);
});

test('it runs for its ports only', async () => {
  run(adding, { ports: [9090] });
  expect((await scene.ask()).served?.headers).toEqual([]);
});

test('framing and pseudo-headers stay right whatever it writes', async () => {
  run(({ text }) => ({
    proxy_on_request_headers: code(
      ...(
        [
          ['content-length', '7'],
          ['transfer-encoding', 'chunked'],
          [':path', 'http://else where'],
          [':authority', 'other.host:80'],
          [':method', 'A B'],
          ['x-split', 'a\r\nb: c'],
          ['x bad', '1'],
        ] as const
      ).map(([name, value]) => code(requestHeaders, text(name), text(value), call('proxy_replace_header_map_value'))),
      goOn,
    ),
  }));
  const { served } = await scene.ask({ headers: [['te', 'trailers']] });
  expect(served).toMatchObject({ method: 'GET', path: '/', authority: 'other.host:80', headers: [['te', 'trailers']] });
});

test('it sees the whole body of a request before the request goes on', async () => {
  run(() => ({
    proxy_on_request_body: code(number(0), number(0), parameter(1), toGave, call('proxy_get_buffer_bytes'), log(given), goOn),
  }));
  const { served } = await scene.ask({ bodyless: false }, (client) => {
    void whenRead(client).then(() => {
      client.send('some ');
      client.send('text');
      client.sendEnd();
    });
  });
  expect(scene.said).toEqual(['info some text']);
  expect(served).toBeDefined();
});

test('a stream of gRPC messages is not held back', async () => {
  run(({ text }) => ({ proxy_on_request_body: code(log(text('body')), goOn) }));
  const { served } = await scene.ask({ bodyless: false, headers: [['content-type', 'application/grpc']] });
  expect(served).toBeDefined();
  expect(scene.said).toEqual([]);
});

test('more of a body than it may see is refused if it insists', async () => {
  run(() => ({ proxy_on_request_body: wait }));
  const { client } = await scene.ask({ bodyless: false }, (asking) => {
    void whenRead(asking).then(() => {
      for (let n = 0; n < 17; n++) asking.send('x'.repeat(65_536));
    });
  });
  expect(client.answer?.status).toBe(413);
});

test('it makes a request wait, asks a service, and lets it go on', async () => {
  const asked: unknown[] = [];
  scene.call = async (_plugin, { upstream, headers }) => {
    asked.push(upstream, headers);
    return { headers: [[':status', '200']], trailers: [], body: Buffer.from('granted') };
  };
  const headers = '\x03\0\0\0\x07\0\0\0\x03\0\0\0\x05\0\0\0\x01\0\0\0\x0a\0\0\0\x01\0\0\0:method\0GET\0:path\0/\0:authority\0h\0';
  run(({ text }) => ({
    proxy_on_request_headers: code(
      text('outbound|80||auth.ns.svc'),
      text(headers),
      number(0),
      number(0),
      number(0),
      number(0),
      number(500),
      number(64),
      call('proxy_http_call'),
      wait,
    ),
    proxy_on_http_call_response: code(
      number(4),
      number(0),
      parameter(3),
      toGave,
      call('proxy_get_buffer_bytes'),
      // The first request is the context after the root's.
      number(2),
      call('proxy_set_effective_context'),
      requestHeaders,
      text('x-auth'),
      given,
      call('proxy_add_header_map_value'),
      number(0),
      call('proxy_continue_stream'),
    ),
  }));
  const { served } = await scene.ask();
  expect(headerOf(served?.headers, 'x-auth')).toBe('granted');
  expect(asked).toEqual([
    'outbound|80||auth.ns.svc',
    [
      [':method', 'GET'],
      [':path', '/'],
      [':authority', 'h'],
    ],
  ]);
});

test('it is woken when it asked for that', async () => {
  run(({ text }) => ({
    proxy_on_configure: code(number(10), call('proxy_set_tick_period_milliseconds'), number(1)),
    proxy_on_tick: code(log(text('tick')), number(0), call('proxy_set_tick_period_milliseconds')),
  }));
  await vi.waitFor(() => expect(scene.said).toEqual(['info tick']));
});

test('an answer of its own instead of the one of the service', async () => {
  run(({ text }) => ({
    proxy_on_response_headers: code(
      number(502),
      text('bad'),
      text('broken'),
      number(0),
      number(0),
      number(-1),
      call('proxy_send_local_response'),
      goOn,
    ),
  }));
  const { client, draft } = await scene.ask();
  expect(client.got).toEqual(['502', 'body:broken', 'end']);
  expect(draft.instead?.status).toBe(502);
});

test('host functions that there are not say so', async () => {
  run(() => ({
    proxy_on_request_headers: code(number(1), toGave, call('proxy_dequeue_shared_queue'), goOn),
  }));
  expect((await scene.ask()).served).toBeDefined();
});

test('a bad address is answered, not followed', async () => {
  run(() => ({
    proxy_on_request_headers: code(number(2), number(-8), number(100), [0x10, 0], when(log(code(number(0), number(0)))), goOn),
  }));
  expect((await scene.ask()).served).toBeDefined();
  expect(scene.said).toEqual(['info ']);
});
