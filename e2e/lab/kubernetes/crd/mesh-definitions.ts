// The CustomResourceDefinitions that the mesh brings, read from its chart.
// Used by the lab to have them from the start, and by the tests of what they refuse.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';

const folder = join(import.meta.dirname, '../../../../charts/base/files/crds');

/** In the order of their files' names. Each is a tree: what its YAML shares by aliases is copied. */
export function meshDefinitions(): KubeObject[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => definitionIn(readFileSync(join(folder, name), 'utf8'), name));
}

function definitionIn(text: string, name: string): KubeObject {
  // Versions share one schema by alias, which is more aliases than the parser takes from strangers.
  const document: Json = JSON.parse(JSON.stringify(parse(text, { maxAliasCount: -1 })));
  if (!isObject(document) || !isObject(document.metadata)) throw new Error(`${name} holds no object`);
  return { ...document, apiVersion: String(document.apiVersion), kind: String(document.kind), metadata: document.metadata };
}
