// docs/reference/labels.md against the sources: every key of a label, annotation, condition or controller that a program reads or writes is on
// the page, and nothing else is. What a key means is for people to judge.
import { expect, test } from 'vitest';
import { inBackticks, readInHouse, sources } from './testing/doc-pages.ts';

const domains = '(?:[a-z0-9-]+\\.)*(?:istio\\.io|ambient-mesh\\.dev|networking\\.k8s\\.io|kubernetes\\.io|prometheus\\.io)';
const quoted = new RegExp(`['"\`](${domains}/[A-Za-z0-9._-]+)(?:=[^'"\`]*)?['"\`]`, 'g');
/** Kinds and versions of others, as their API servers call them. */
const isApi = (key: string): boolean => /\/v\d(?:(?:alpha|beta)\d)?$/.test(key) && !key.startsWith('ambient-mesh.dev/');
/** `${label}-namespace`: made from a key, so in no source as it is. */
const made = (key: string): boolean => key.endsWith('-namespace');

const programs = 'packages/{model,translate,kube,host,identity,wire,ztunnel,waypoint,istiod-lite,cni-agent}/src/**/*.ts';
const inSources = new Set(
  sources(programs).flatMap(({ text }) => Array.from(text.matchAll(quoted), ([, key = '']) => key).filter((key) => !isApi(key))),
);
const onPage = new Set([...inBackticks(readInHouse('docs/reference/labels.md'))].filter((each) => new RegExp(`^${domains}/`).test(each)));

test('every key of the sources is on the page', () => {
  expect(inSources.size).toBeGreaterThan(40);
  expect([...inSources].filter((key) => !onPage.has(key)).sort()).toEqual([]);
});

test('every key of the page is in the sources', () => {
  const stale = [...onPage].filter((key) => !inSources.has(key) && !(made(key) && inSources.has(key.slice(0, -'-namespace'.length))));
  expect(stale.sort()).toEqual([]);
});
