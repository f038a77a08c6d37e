// Who belongs in the mesh: the rule with the default selectors, and selectors as configuration writes them.
import { expect, test } from 'vitest';
import { type Candidate, defaultSelectors, isEligible, parseSelectors, writtenSelectors } from './enablement.ts';

const enablement = { selectors: defaultSelectors, excludedNamespaces: new Set(['kube-system']) };
const mode = (value: string) => ({ 'istio.io/dataplane-mode': value });
const plain: Candidate = { namespace: 'shop', labels: {}, hostNetwork: false, hasSidecar: false };

const rows: readonly (readonly [name: string, pod: Partial<Candidate>, namespace: Record<string, string>, want: boolean])[] = [
  ['nobody said anything', {}, {}, false],
  ['its namespace is in', {}, mode('ambient'), true],
  ['the pod is in by itself', { labels: mode('ambient') }, {}, true],
  ['the pod opts out of a namespace that is in', { labels: mode('none') }, mode('ambient'), false],
  ['the pod opts into a namespace that is out', { labels: mode('ambient') }, mode('none'), true],
  ['another value on the pod is no opinion', { labels: mode('sidecar') }, mode('ambient'), true],
  ['another value on the namespace is no opinion', {}, mode('yes'), false],
  ['the pod is on the network of its node', { labels: mode('ambient'), hostNetwork: true }, mode('ambient'), false],
  ['a sidecar owns its traffic', { hasSidecar: true }, mode('ambient'), false],
  ['an excluded namespace', { namespace: 'kube-system' }, mode('ambient'), false],
  ['a pod that wants in, in an excluded namespace', { namespace: 'kube-system', labels: mode('ambient') }, {}, false],
];
for (const [name, pod, namespace, want] of rows)
  test(`${want ? 'in' : 'out'}: ${name}`, () => expect(isEligible({ ...plain, ...pod }, namespace, enablement)).toBe(want));

test('no selector selects nobody', () => {
  expect(isEligible({ ...plain, labels: mode('ambient') }, mode('ambient'), { ...enablement, selectors: [] })).toBe(false);
});

test('what is written is read back as it was', () => {
  expect(parseSelectors(structuredClone(writtenSelectors(defaultSelectors)))).toEqual({ ok: defaultSelectors });
});

const mistakes: readonly (readonly [value: unknown, place: string])[] = [
  [{}, 'no list'],
  [['x'], 'selector 1 is no object'],
  [[{ pods: {} }], '"pods"'],
  [[{}, { podSelector: { matchLabels: { a: 1 } } }], 'podSelector of selector 2'],
  [[{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Equals' }] } }], '"Equals"'],
  [[{ podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }], 'In with 0 values'],
  [[{ namespaceSelector: { matchExpressions: [{ operator: 'Exists' }] } }], 'no key'],
];
for (const [value, place] of mistakes)
  test(`refused: ${JSON.stringify(value)}`, () => expect(parseSelectors(value)).toEqual({ mistake: expect.stringContaining(place) }));

test('an absent half matches everything', () => {
  const parsed = parseSelectors([{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } }]);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  const custom = { ...enablement, selectors: parsed.ok };
  expect([isEligible(plain, { team: 'a' }, custom), isEligible(plain, {}, custom)]).toEqual([true, false]);
});
