// Which policies apply to a workload, and what counts as a change. Rows: rbac_change_scope of the reference's catalogue.
import { expect, test } from 'vitest';
import { PolicyStore } from './policy-store.ts';
import { match, policy, workload } from './testing/index.ts';

const w = workload({ name: 'w' });
const deny = policy({ name: 'p', action: 'Deny', rules: [[[match({ destinationPorts: [80] })]]] });
const denying = (store: PolicyStore) => store.selectedFor(w).deny.map(({ label }) => label);

test('another scope takes a policy out of its namespace', () => {
  const store = new PolicyStore();
  store.put(deny);
  expect(denying(store)).toEqual(['ns/p']);
  store.put({ ...deny, scope: 'WorkloadSelector' });
  expect(denying(store)).toEqual([]);
  store.put({ ...deny, scope: 'Global', namespace: 'other' });
  expect(denying(store)).toEqual(['other/p']);
});

test('a policy sent again word for word is no change', () => {
  const store = new PolicyStore();
  expect(store.put(deny)).toBe(true);
  expect(store.put(structuredClone(deny))).toBe(false);
  expect(store.put({ ...deny, dryRun: true })).toBe(true);
});

test('removing what is not there is no change', () => {
  const store = new PolicyStore();
  expect(store.remove('ns/p')).toBe(false);
  store.put(deny);
  expect(store.remove('ns/p')).toBe(true);
  expect(denying(store)).toEqual([]);
  expect([...store.all()]).toEqual([]);
});

test('a policy said to be removed is not waited for, even if it never came', () => {
  const store = new PolicyStore();
  const listing = { ...w, authorizationPolicies: ['ns/p'] };
  expect(store.selectedFor(listing).neverReceived).toEqual(['ns/p']);
  store.remove('ns/p');
  expect(store.selectedFor(listing).neverReceived).toEqual([]);
});

test('a policy both of the namespace and listed counts once', () => {
  const store = new PolicyStore();
  store.put(deny);
  expect(store.selectedFor({ ...w, authorizationPolicies: ['ns/p'] }).deny).toHaveLength(1);
});

test('removals are remembered up to a bound, and a forgotten one is as if never received', () => {
  const store = new PolicyStore();
  const listing = { ...w, authorizationPolicies: ['ns/first', 'ns/last'] };
  store.put({ ...deny, key: 'ns/first' });
  store.remove('ns/first');
  for (let at = 0; at < 10_000; at++) {
    const key = at === 9999 ? 'ns/last' : `ns/${at}`;
    store.put({ ...deny, key });
    store.remove(key);
  }
  expect(store.selectedFor(listing).neverReceived).toEqual(['ns/first']);
});
