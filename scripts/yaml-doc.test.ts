// Every block of YAML in the documentation: it is YAML, an API server would take it, and the control plane carries it out as written.
// A block that is no Kubernetes object says so in its first line: `# mesh configuration`, `# values`, `# settings`.
import { describe, expect, test } from 'vitest';
import { meshDefinitions } from '../e2e/lab/kubernetes/crd/mesh-definitions.ts';
import { servedKinds } from '../e2e/lab/kubernetes/crd/served.ts';
import { builtinKinds } from '../e2e/lab/kubernetes/kinds/builtin-kinds.ts';
import { admit } from '../e2e/lab/kubernetes/schema/validate.ts';
import { apiVersionOf } from '../e2e/lab/kubernetes/served-kind.ts';
import { readMeshConfig } from '../packages/istiod-lite/src/mesh-config.ts';
import { type Block, blocksOf, docPages, readInHouse } from './testing/doc-pages.ts';
import { documentsIn, isManifest, type Manifest, objectionsTo } from './testing/doc-world.ts';

const kinds = [...builtinKinds, ...meshDefinitions().flatMap(servedKinds)];
const blocks: readonly (readonly [where: string, block: Block])[] = docPages().flatMap((page) =>
  blocksOf(page)
    .filter(({ language }) => language === 'yaml' || language === 'yml')
    .map((block) => [`${page.path}:${block.line}`, block] as const),
);
const marked = (block: Block, mark: string): boolean => block.text.startsWith(`# ${mark}`);
const isObjects = (block: Block): boolean => !['mesh configuration', 'values', 'settings'].some((mark) => marked(block, mark));

/** What the API server would say; empty: it takes the object. */
function refusals(object: Manifest): readonly string[] {
  const kind = kinds.find((each) => each.kind === object.kind && apiVersionOf(each) === object.apiVersion);
  if (kind === undefined) return [`nobody serves ${object.apiVersion} ${object.kind}`];
  const written = JSON.parse(JSON.stringify(object)) as Parameters<typeof admit>[1];
  try {
    return admit(kind.schema, written, undefined, { fieldValidation: 'Strict' }).errors.map(({ path, message }) => `${path}: ${message}`);
  } catch (e) {
    return [String(e)];
  }
}

describe.each(blocks.filter(([, block]) => isObjects(block)))('%s', (_, block) => {
  const documents = documentsIn(block.text);
  test('holds objects that an API server takes', () => {
    expect(documents.filter((each) => !isManifest(each))).toEqual([]);
    expect(documents.filter(isManifest).flatMap(refusals)).toEqual([]);
  });
  test('is carried out as written', () => expect(objectionsTo(documents.filter(isManifest))).toEqual([]));
});

test('the shop of the examples is as an API server takes it', () => {
  const objects = documentsIn(readInHouse('docs/examples/shop.yaml')).filter(isManifest);
  expect(objects.flatMap(refusals)).toEqual([]);
  expect(objectionsTo([])).toEqual([]);
});

test('what would not be carried out as written is seen', () => {
  const policy = (name: string, spec: object): Manifest => ({
    ...{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name, namespace: 'shop' } },
    ...{ spec },
  });
  const lost = policy('lost', { targetRefs: [{ kind: 'Service', name: 'nobody' }], rules: [{}] });
  const blind = policy('blind', { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] });
  expect(refusals(policy('odd', { action: 'PERHAPS' }))).not.toEqual([]);
  expect(objectionsTo([lost, blind]).toSorted()).toEqual([
    expect.stringContaining('WaypointAccepted is bad (TargetNotFound)'),
    expect.stringContaining('shop/blind is not enforced (L7Attributes)'),
    expect.stringContaining('shop/lost is not enforced (NoWaypoint)'),
  ]);
});

test.each(blocks.filter(([, block]) => marked(block, 'mesh configuration')))('%s is a mesh configuration', (_, block) => {
  expect(readMeshConfig(block.text)).toEqual({ ok: expect.anything() });
});

test.each(blocks.filter(([, block]) => !isObjects(block)))('%s is YAML', (_, block) => {
  expect(documentsIn(block.text).length).toBeGreaterThan(0);
});
