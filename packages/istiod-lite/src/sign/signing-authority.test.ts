// The authority of the moment, and what may take its place: plugged-in material in all its forms, roots of our own.
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { newIntermediate, newRoot } from '@ambient-mesh/identity/authority';
import { writeCsr } from '@ambient-mesh/identity/csr';
import { newKeyPair } from '@ambient-mesh/identity/keys';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { describe, expect, test } from 'vitest';
import { type Files, materialFrom } from './material.ts';
import { isDue, nextStep } from './self-signed.ts';
import { serveWithOwnCertificate, servingNames } from './serving-certificate.ts';
import { SigningAuthority, type SigningOptions } from './signing-authority.ts';

const day = 86_400_000;
const clock = fakeClock();
const life = { notBefore: clock.now() - day, notAfter: clock.now() + 100 * day };
const rootA = newRoot({ organization: 'a', ...life });
const rootB = newRoot({ organization: 'b', ...life });
const rsa = newRoot({ organization: 'rsa', ...life }, generateKeyPairSync('rsa', { modulusLength: 2048 }));
const between = newIntermediate(rootA, { organization: 'between', ...life });
const between2 = newIntermediate(rootA, { organization: 'between2', ...life });
const ended = newRoot({ organization: 'ended', notBefore: life.notBefore - 2 * day, notAfter: clock.now() - 1_000 });

function scene(more: Partial<SigningOptions> = {}) {
  const said: string[] = [];
  const authority = new SigningAuthority({
    clock,
    defaultTtlMs: day,
    maxTtlMs: 90 * day,
    severalRoots: false,
    extraRootsPem: '',
    report: { adopted: (_, rootsChanged) => said.push(rootsChanged ? 'roots' : 'adopted'), kept: (wrong) => said.push(wrong) },
    ...more,
  });
  return { authority, said };
}

const pair = newKeyPair();
const csrPem = writeCsr(spiffeId('td', 'default', 'client'), pair);
const wish = { csrPem, identity: spiffeId('td', 'default', 'client'), ttlSeconds: 3_600 };
const chainOf = (authority: SigningAuthority): readonly string[] => {
  const grant = authority.issue(wish);
  if ('refused' in grant) throw new Error(grant.refused);
  return grant.chainPem;
};

describe('material from files', () => {
  const ours = { 'ca-cert.pem': rootA.certPem, 'ca-key.pem': rootA.keyPem, 'cert-chain.pem': '', 'root-cert.pem': rootA.rootsPem };
  const theirs = { 'tls.crt': between.certPem + between.chainPem, 'tls.key': between.keyPem, 'ca.crt': between.rootsPem };
  const rows: readonly (readonly [string, Files, object | undefined])[] = [
    ['none of them', {}, undefined],
    ['ours', ours, rootA],
    ['ours without a chain file', { ...ours, 'cert-chain.pem': undefined }, rootA],
    ["cert-manager's, chain in one file", theirs, { certPem: between.certPem, chainPem: between.chainPem, rootsPem: between.rootsPem }],
    ['a key alone', { 'ca-key.pem': rootA.keyPem }, { wrong: 'ca-cert.pem and root-cert.pem missing' }],
    ["cert-manager's without root", { ...theirs, 'ca.crt': '' }, { wrong: 'ca.crt missing' }],
  ];
  test.each(rows)('%s', (_, files, expected) => {
    const material = materialFrom(files);
    if (expected === undefined) expect(material).toBeUndefined();
    else expect(material).toMatchObject(expected);
  });
});

describe('taking over', () => {
  test.each([
    ['EC', rootA],
    ['RSA', rsa],
    ['an intermediate', between],
  ])('%s signs', (_, material) => {
    const { authority, said } = scene();
    expect(authority.offer(material)).toBeUndefined();
    const chain = chainOf(authority);
    expect(new X509Certificate(chain[0] ?? '').subjectAltName).toContain('spiffe://td/ns/default/sa/client');
    expect(chain.at(-1)).toBe(material.rootsPem);
    expect(said).toEqual(['adopted']);
  });

  const refused: readonly (readonly [string, Parameters<SigningAuthority['offer']>[0], RegExp])[] = [
    ['garbage', { ...rootA, certPem: 'x' }, /no readable certificate/],
    ['a key of another', { ...rootA, keyPem: rootB.keyPem }, /does not fit/],
    ['one that has ended', ended, /ended at/],
    ['another root', rootB, /ISTIO_MULTIROOT_MESH/],
    ['what is wrong already', { wrong: 'half a set' }, /half a set/],
  ];
  test.each(refused)('%s never takes over, and what was there signs on', (_, material, why) => {
    const { authority, said } = scene();
    authority.offer(rootA);
    expect(authority.offer(material)).toMatch(why);
    expect(said.at(-1)).toMatch(why);
    expect(chainOf(authority).at(-1)).toBe(rootA.rootsPem);
  });

  test('another intermediate below the same root does, live', () => {
    const { authority } = scene();
    authority.offer(between);
    let changes = 0;
    using _listening = authority.onChange(() => changes++);
    authority.offer(between2);
    expect(changes).toBe(1);
    expect(chainOf(authority)[1]).toBe(between2.certPem);
    authority.offer(between2);
    expect(changes).toBe(1);
  });

  test('a root is rotated in three steps: both trusted, the new one signs, the old one leaves', () => {
    const { authority, said } = scene({ severalRoots: true });
    const both = rootA.rootsPem + rootB.rootsPem;
    authority.offer(rootA);
    expect(authority.offer({ ...rootA, rootsPem: both })).toBeUndefined();
    expect(authority.offer({ ...rootB, rootsPem: both })).toBeUndefined();
    expect(authority.offer(rootB)).toBeUndefined();
    expect(said).toEqual(['adopted', 'roots', 'adopted', 'roots']);
    expect(chainOf(authority).at(-1)).toBe(rootB.rootsPem);
  });

  test('a root is not exchanged for another in one step, even where several are allowed', () => {
    const { authority } = scene({ severalRoots: true });
    authority.offer(rootA);
    expect(authority.offer(rootB)).toMatch(/add the new root first/);
  });

  test('extra roots are trusted beside our own', () => {
    const { authority } = scene({ extraRootsPem: rootB.rootsPem });
    authority.offer(rootA);
    expect(authority.rootsPem).toContain(rootA.rootsPem.trim());
    expect(authority.rootsPem).toContain(rootB.rootsPem.trim());
  });
});

describe('a root of our own', () => {
  const plan = { now: clock.now(), lifetimeMs: 100 * day, organization: 'td' };
  const dataOf = (step: ReturnType<typeof nextStep>): Files => {
    if (step.do === 'use') throw new Error('nothing to write');
    return step.data;
  };

  test('is made when there is no Secret, as RSA 2048, with the keys that others expect', () => {
    const step = nextStep(undefined, plan);
    expect(step.do).toBe('create');
    expect(Object.keys(dataOf(step)).sort()).toEqual(['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'key.pem', 'root-cert.pem']);
    const certificate = new X509Certificate(dataOf(step)['ca-cert.pem'] ?? '');
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(certificate.subject).toBe('O=td');
    const { authority } = scene();
    expect('material' in step && authority.offer(step.material)).toBeUndefined();
  });

  test('is used as it is while more than a fifth of its life is left', () => {
    const data = dataOf(nextStep(undefined, plan));
    expect(nextStep(data, { ...plan, now: plan.now + 79 * day }).do).toBe('use');
  });

  test('is renewed with the same key and name; both are trusted, and what the old one vouched for stands', () => {
    const data = dataOf(nextStep(undefined, plan));
    const old = scene().authority;
    old.offer(materialFrom(data) ?? { wrong: 'none' });
    const leaf = new X509Certificate(chainOf(old)[0] ?? '');
    const step = nextStep(data, { ...plan, now: plan.now + 81 * day });
    expect(step.do).toBe('renew');
    const renewed = dataOf(step);
    expect(renewed['ca-key.pem']).toBe(data['ca-key.pem']);
    expect(renewed['root-cert.pem']).toBe(`${renewed['ca-cert.pem']}${data['ca-cert.pem']}`);
    const root = new X509Certificate(renewed['ca-cert.pem'] ?? '');
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(isDue(renewed['ca-cert.pem'] ?? '', plan.now + 81 * day)).toBe(false);
  });

  test('a Secret edited to garbage is not used', () => {
    const { authority, said } = scene();
    authority.offer(rootA);
    const step = nextStep({ 'ca-cert.pem': 'garbage', 'ca-key.pem': 'garbage', 'root-cert.pem': 'garbage' }, plan);
    expect(step.do).toBe('use');
    authority.offer(step.material, { anyRoots: true });
    expect(said.at(-1)).toMatch(/no readable certificate/);
    expect(chainOf(authority).at(-1)).toBe(rootA.rootsPem);
  });

  test('a Secret without keys is not replaced by a new root: it may be half written', () => {
    expect(nextStep({}, plan)).toEqual({ do: 'use', material: { wrong: expect.stringMatching(/holds no authority/) } });
  });
});

test('the server certificate is renewed at half its life and when the authority changes', async () => {
  const ticking = fakeClock();
  const { authority } = scene({ clock: ticking });
  const used: string[] = [];
  const names = servingNames('mesh', 'cluster.local', ['cp.example']);
  using _serving = serveWithOwnCertificate({
    authority,
    names,
    ttl: ms(day),
    clock: ticking,
    use: ({ chainPem }) => used.push(chainPem),
    failed: (why) => expect.unreachable(why),
  });
  expect(used).toHaveLength(0);
  authority.offer(between);
  expect(used).toHaveLength(1);
  const certificate = new X509Certificate(used[0] ?? '');
  for (const name of ['istiod.mesh.svc', 'istiod.istio-system.svc', 'cp.example']) expect(certificate.checkHost(name)).toBe(name);
  expect(used[0]).toContain(between.certPem);
  await ticking.advance(ms(day / 2 + 1_000));
  expect(used).toHaveLength(2);
  authority.offer(between2);
  expect(used).toHaveLength(3);
});
