// The rights that the pages list for those who write their own manifests are those that the charts give: neither more nor less.
// The charts' side is read as rendered with their defaults (charts/rendered), so nothing but YAML is needed here.
import { expect, test } from 'vitest';
import { blocksOf, readInHouse } from './testing/doc-pages.ts';
import { documentsIn, isManifest, type Manifest } from './testing/doc-world.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
type Role = Manifest & { readonly rules?: readonly Rule[] };

const isRole = (each: unknown): each is Role => isManifest(each) && /^(?:Cluster)?Role$/.test(each.kind);

/** `list pods`, `get secrets/istio-ca-secret`: one for each thing that may be done. */
function rightsIn(roles: readonly Role[], kind: string): readonly string[] {
  const rights = roles
    .filter((role) => role.kind === kind)
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => resourceNames.flatMap((name) => verbs.map((verb) => `${verb} ${group}/${resource} ${name}`))),
      ),
    );
  return [...new Set(rights)].sort();
}

const given = documentsIn(readInHouse('charts/rendered/ambient.yaml')).filter(isRole);
const rolesOn = (page: string): readonly Role[] =>
  blocksOf({ path: page, text: readInHouse(page) })
    .filter(({ language }) => language === 'yaml')
    .flatMap(({ text }) => documentsIn(text).filter(isRole));

const rows: readonly (readonly [page: string, roles: RegExp])[] = [
  ['docs/running-istiod-lite.md', /^istiod/],
  ['docs/running-cni-agent.md', /^istio-cni(?!-plugin)/],
];

for (const [page, names] of rows)
  for (const kind of ['ClusterRole', 'Role'])
    test(`${page}: ${kind}`, () => {
      const charts = rightsIn(
        given.filter(({ metadata }) => names.test(metadata.name)),
        kind,
      );
      expect(charts.length).toBeGreaterThan(1);
      expect(rightsIn(rolesOn(page), kind)).toEqual(charts);
    });
