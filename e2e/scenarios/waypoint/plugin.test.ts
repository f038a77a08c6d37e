// Filters of the user's own in a waypoint: a WasmPlugin takes effect, harms nobody when it goes wrong, and leaves no trace when it is gone
// (facts: control-plane §6.2, §11.2). Modules come from a file.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { call, code, number, plugin, Texts, trap } from '@ambient-mesh/waypoint/testing/wasm';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { holds, type Manifest, MeshStage, mesh } from './mesh-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugins-'));
const texts = new Texts();
const goOn = number(0);
const modules = {
  marks: plugin(texts, {
    proxy_on_request_headers: code(number(0), texts.text('x-plugin'), texts.text('asked'), call('proxy_add_header_map_value'), goOn),
    proxy_on_response_headers: code(number(2), texts.text('x-plugin'), texts.text('answered'), call('proxy_add_header_map_value'), goOn),
  }),
  traps: plugin(new Texts(), { proxy_on_request_headers: trap }),
};

const wasmPlugin = (module: keyof typeof modules | 'missing', spec: object): Manifest => ({
  apiVersion: 'extensions.istio.io/v1alpha1',
  kind: 'WasmPlugin',
  metadata: { name: 'own', namespace: mesh },
  spec: { url: pathToFileURL(join(folder, `${module}.wasm`)).href, ...spec },
});
const ofService = { targetRefs: [{ group: '', kind: 'Service', name: 'echo-v1' }] };
const ofGateway = { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'namespace' }] };

describe.skipIf(!hasKubectl())('filters of the user’s own (needs kubectl)', () => {
  let stage: MeshStage;
  beforeAll(async () => {
    for (const [name, bytes] of Object.entries(modules)) writeFileSync(join(folder, `${name}.wasm`), bytes);
    stage = await MeshStage.start();
  }, 120_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const of = (name: string): string => `http://${name}.${mesh}/`;
  const plain = (name: string) => ({
    url: of(name),
    want: { backend: name, seen: { 'x-plugin': undefined }, answer: { 'x-plugin': undefined } },
  });
  const marked = (name: string) => ({
    url: of(name),
    want: { backend: name, seen: { 'x-plugin': 'asked' }, answer: { 'x-plugin': 'answered' } },
  });

  test('one for a service changes its requests and answers, and no others; gone, it changes nothing', async () => {
    {
      await using _plugin = await stage.applied(wasmPlugin('marks', ofService));
      await holds(stage, [marked('echo-v1'), plain('echo-v2')]);
    }
    await holds(stage, [plain('echo-v1')]);
  });

  test('one for a Gateway changes what goes through its waypoint', async () => {
    await using _plugin = await stage.applied(wasmPlugin('marks', ofGateway));
    await holds(stage, [marked('echo-v1'), marked('echo-v2')]);
  });

  test.each(['traps', 'missing'] as const)('one that %s refuses requests of its service, or lets them pass, as it says', async (module) => {
    {
      await using _plugin = await stage.applied(wasmPlugin(module, { ...ofService, failStrategy: 'FAIL_CLOSE' }));
      await holds(stage, [{ url: of('echo-v1'), want: { status: 500 } }, plain('echo-v2')]);
    }
    await using _plugin = await stage.applied(wasmPlugin(module, { ...ofService, failStrategy: 'FAIL_OPEN' }));
    await holds(stage, [plain('echo-v1'), plain('echo-v2')]);
  });
});
