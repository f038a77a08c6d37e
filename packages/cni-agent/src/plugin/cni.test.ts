// The CNI protocol as tables, and that no input at all gets past the error object.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cniVersions, errorText, isRefusal, readCall, versionText } from './cni.ts';

const env = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/a',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=u=1',
};
const config = { cniVersion: '1.0.0', name: 'k8s', type: 'istio-cni', prevResult: { ips: [] } };
const call = (changes: Readonly<Record<string, string | undefined>>, input: unknown = config) =>
  readCall({ ...env, ...changes }, typeof input === 'string' ? input : JSON.stringify(input));

test('ADD names the attachment and the pod', () => {
  expect(call({})).toEqual({
    command: 'ADD',
    version: '1.0.0',
    attachment: { containerId: 'c1', netns: '/run/netns/a', pod: { namespace: 'shop', name: 'web-0', uid: 'u=1' } },
    config,
    prevResult: { ips: [] },
  });
});

describe('CNI_ARGS', () => {
  const rows: readonly (readonly [rule: string, args: string | undefined, pod: unknown])[] = [
    ['without them there is no pod', undefined, undefined],
    ['a name without a namespace is no pod', 'K8S_POD_NAME=a', undefined],
    ['a namespace without a name is no pod', 'K8S_POD_NAMESPACE=a;K8S_POD_NAME=', undefined],
    ['the uid may be missing', 'K8S_POD_NAME=a;K8S_POD_NAMESPACE=b', { name: 'a', namespace: 'b', uid: undefined }],
    ['what is no pair is left out', ';;x;K8S_POD_NAME=a;K8S_POD_NAMESPACE=b;', { name: 'a', namespace: 'b', uid: undefined }],
  ];
  test.each(rows)('%s', (_, args, pod) => expect(call({ CNI_ARGS: args })).toMatchObject({ attachment: { pod } }));
});

describe('refusals', () => {
  const rows: readonly (readonly [
    rule: string,
    env: Readonly<Record<string, string | undefined>>,
    input: unknown,
    code: number,
    says: string,
  ])[] = [
    ['no command', { CNI_COMMAND: undefined }, config, 4, 'CNI_COMMAND'],
    ['an unknown command', { CNI_COMMAND: 'MOVE' }, config, 4, '"MOVE"'],
    ['no container', { CNI_CONTAINERID: '' }, config, 4, 'CNI_CONTAINERID'],
    ['all that is missing is named', { CNI_NETNS: undefined, CNI_IFNAME: undefined }, config, 4, 'CNI_NETNS, CNI_IFNAME'],
    ['a container ID that is none', { CNI_CONTAINERID: '../x' }, config, 4, 'CNI_CONTAINERID'],
    ['an interface that is none', { CNI_IFNAME: 'a/b' }, config, 4, 'CNI_IFNAME'],
    ['an interface with a long name', { CNI_IFNAME: 'x'.repeat(16) }, config, 4, 'CNI_IFNAME'],
    ['no input', {}, '', 6, 'no JSON object'],
    ['half a configuration', {}, '{"cniVersion":', 6, 'no JSON object'],
    ['a list', {}, [], 6, 'no JSON object'],
    ['no version is 0.1.0, which is too old', {}, { ...config, cniVersion: undefined }, 1, 'incompatible'],
    ['a version before chains', {}, { ...config, cniVersion: '0.2.0' }, 1, 'incompatible'],
    ['a version to come', {}, { ...config, cniVersion: '2.0.0' }, 1, 'incompatible'],
    ['CHECK before it was invented', { CNI_COMMAND: 'CHECK' }, { ...config, cniVersion: '0.3.1' }, 1, 'incompatible'],
    ['STATUS before it was invented', { CNI_COMMAND: 'STATUS' }, config, 1, 'incompatible'],
    ['no name', {}, { ...config, name: '' }, 7, 'no name'],
    ['ADD without prevResult', {}, { ...config, prevResult: undefined }, 7, 'required prevResult is missing'],
    ['CHECK with a prevResult that is none', { CNI_COMMAND: 'CHECK' }, { ...config, prevResult: [] }, 7, 'required prevResult is missing'],
  ];
  test.each(rows)('%s', (_, changes, input, code, says) => {
    const refusal =
      changes.CNI_COMMAND === undefined && 'CNI_COMMAND' in changes ? readCall({ ...env, CNI_COMMAND: '' }, '{}') : call(changes, input);
    if (!isRefusal(refusal)) return expect.unreachable();
    expect(refusal.error.code).toBe(code);
    expect(refusal.error.msg).toContain(says);
  });
  test('an error is in the version of the configuration', () => {
    const refusal = call({}, { ...config, cniVersion: '0.3.1', prevResult: null });
    if (!isRefusal(refusal)) return expect.unreachable();
    expect(JSON.parse(errorText(refusal))).toMatchObject({ cniVersion: '0.3.1', code: 7 });
  });
});

describe('commands that are always fine', () => {
  for (const command of ['DEL', 'GC']) {
    for (const input of ['', 'garbage', '{"cniVersion":"9"}']) {
      test(`${command} with ${JSON.stringify(input)}`, () =>
        expect(readCall({ CNI_COMMAND: command }, input)).toEqual({ command: 'nothing' }));
    }
  }
});

test.each(cniVersions.map((each) => [each]))('ADD is taken in version %s', (version) => {
  expect(call({}, { ...config, cniVersion: version })).toMatchObject({ command: 'ADD', version });
});

test('STATUS needs no attachment', () => {
  expect(readCall({ CNI_COMMAND: 'STATUS' }, '{"cniVersion":"1.1.0"}')).toMatchObject({ command: 'STATUS', version: '1.1.0' });
});

test('VERSION answers in the version asked in, or the newest', () => {
  const answers = ['{"cniVersion":"0.4.0"}', '{"cniVersion":"7"}', ''].map((input) => readCall({ CNI_COMMAND: 'VERSION' }, input));
  expect(answers).toMatchObject([{ version: '0.4.0' }, { version: '1.1.0' }, { version: '1.1.0' }]);
  expect(JSON.parse(versionText('0.4.0'))).toEqual({
    cniVersion: '0.4.0',
    supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  });
});

test('any environment and any input give a call or a refusal', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((prevResult) => `{"cniVersion":"1.0.0","name":"n","prevResult":${prevResult}}`),
  );
  const commands = fc.constantFrom('ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION', 'x');
  fc.assert(
    fc.property(commands, fc.string(), text, (CNI_COMMAND, CNI_ARGS, input) => {
      const got = readCall({ ...env, CNI_COMMAND, CNI_ARGS }, input);
      if (isRefusal(got)) expect(JSON.parse(errorText(got))).toMatchObject({ code: got.error.code, msg: got.error.msg });
    }),
  );
});
