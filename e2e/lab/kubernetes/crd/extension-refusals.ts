// What the definitions of WasmPlugin and of our own RateLimit refuse, one row per rule: the first object obeys it, the second breaks it.
// Read by refusals.test.ts, which asks the lab's API and, where there is one, a real API server.
import type { JsonObject } from '../patch/json.ts';
import type { Refusal, RefusalTable } from './refusals.ts';

const targetRefs = [{ group: '', kind: 'Service', name: 'web' }];
const wasm = (content: JsonObject): JsonObject => ({ targetRefs, url: 'https://host/filter.wasm', ...content });
const limit = (content: JsonObject): JsonObject => ({ targetRefs, limits: [{ requests: 1, every: '1s', ...content }] });
const env = (content: JsonObject): JsonObject => wasm({ vmConfig: { env: [content] } });

const wasmPlugin: readonly Refusal[] = [
  ['there is a module', wasm({}), { targetRefs }, 'spec.url: Required value'],
  ['it is fetched in a way that is known', wasm({ url: 'oci://host/a' }), wasm({ url: 'ftp://host/a' }), 'url must have schema one of'],
  ['a URL without a scheme is an image', wasm({ url: 'host/a:1' }), wasm({ url: '' }), 'spec.url'],
  ['the checksum is one', wasm({ sha256: 'a'.repeat(64) }), wasm({ sha256: 'a' }), 'spec.sha256'],
  ['the phase is a known one', wasm({ phase: 'AUTHZ' }), wasm({ phase: 'FIRST' }), 'Unsupported value: "FIRST"'],
  ['any configuration', wasm({ pluginConfig: { a: [{ b: 1 }] } }), wasm({ pluginConfig: 'a' }), 'spec.pluginConfig'],
  [
    'a value is written, or the host’s',
    env({ name: 'A', value: 'b' }),
    env({ name: 'A', value: 'b', valueFrom: 'HOST' }),
    'value may only be set when valueFrom is INLINE',
  ],
  [
    'a selector excludes targets',
    wasm({}),
    wasm({ selector: { matchLabels: { app: 'web' } } }),
    'only one of targetRefs or selector can be set',
  ],
];

const rateLimit: readonly Refusal[] = [
  ['it has targets', limit({}), { limits: [{ requests: 1, every: '1s' }] }, 'one of targetRef and targetRefs must be set'],
  ['and limits', limit({}), { targetRefs, limits: [] }, 'spec.limits'],
  ['a limit has a number', limit({ requests: 0 }), limit({ requests: -1 }), 'greater than or equal to 0'],
  ['a limit has a time', limit({ every: '1h' }), limit({ every: '0s' }), 'must be a valid duration greater than 1ms'],
  [
    'a global one has somebody to ask',
    limit({ scope: 'Global', provider: { name: 'p' }, failOpen: false }),
    limit({ scope: 'Global' }),
    'provider must be set with scope Global',
  ],
  ['a local one has not', limit({ scope: 'Local' }), limit({ provider: { name: 'p' } }), 'provider must be set with scope Global'],
  ['and cannot fail', limit({}), limit({ failOpen: true }), 'failOpen is for scope Global'],
  [
    'requests are chosen as in an AuthorizationPolicy',
    limit({
      from: [{ source: { namespaces: ['a'] } }],
      to: [{ operation: { paths: ['/a'] } }],
      when: [{ key: 'source.ip', values: ['::1'] }],
    }),
    limit({ from: [{ source: {} }] }),
    'should have at least 1 properties',
  ],
];

export const extensionRefusals: readonly RefusalTable[] = [
  ['extensions.istio.io/v1alpha1', 'WasmPlugin', wasmPlugin],
  ['ambient-mesh.dev/v1alpha1', 'RateLimit', rateLimit],
];
